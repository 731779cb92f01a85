"""Sign statements, and let poppler check their signatures."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from closebook.settings.signing_settings import SigningKey
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.signing.signer import SignedPdf
from tests.statements.certificates import Identity, trusting
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import many


def sign(key: SigningKey, pdf: bytes) -> SignedPdf:
    signer = load_signer(key)
    assert signer is not None
    return signer.sign(pdf)


def pdfsig(folder: Path, pdf: bytes, who: Identity) -> str:
    """What poppler says of the signature when it trusts the identity's authority."""
    path = folder / "signed.pdf"
    path.write_bytes(pdf)
    database = trusting(folder, who)
    ran = subprocess.run(
        ["pdfsig", "-nssdir", database, path], check=False, capture_output=True, text=True
    )
    return ran.stdout


def sign_at_once(key: SigningKey, who: Identity, folder: Path) -> None:
    documents = [rendered(many(count)).pdf for count in (1, 2, 3)] * 4
    with ThreadPoolExecutor(4) as threads:
        signed = list(threads.map(lambda pdf: sign(key, pdf), documents))
    for pdf, made in zip(documents, signed, strict=True):
        assert made.unsigned_sha256 == sha256(pdf).hexdigest()
    for number, made in enumerate(signed[:6]):
        own = folder / str(number)
        own.mkdir()
        assert "Signature is Valid." in pdfsig(own, made.pdf, who)
