"""Keys and certificates as trust services issue them: of each kind, and of each length."""

import subprocess
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    pkcs12,
)

from closebook.errors import Misconfigured
from closebook.settings.signing_settings import KeyFile
from closebook.statements.signing.file_key import FileKey, key_in_file
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.signing.pades_signer import PadesSigner
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.certificates import PASSPHRASE, identity, new_key
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import many
from tests.statements.signed_pdf import pdfsig, sign
from tests.statements.verify_samples import FEW, failed

KINDS = ["rsa 2048", "rsa 3072", "rsa 4096", "ec 256", "ec 384", "ec 521"]
# Of a statement's signature: what it may cost beyond what the key itself takes.
MOST_CPU_SECONDS = 0.003


def openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("extra_bytes", [0, 1_100, 5_000, 11_600])
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_each_kind_signs_with_certificates_of_each_length(
    kind: str, extra_bytes: int, key_file: Callable[..., KeyFile], tmp_path: Path
) -> None:
    who = identity(kind, extra_bytes=extra_bytes)
    signed = sign(key_file(who), rendered(FEW).pdf).pdf
    said = pdfsig(tmp_path, signed, who)
    assert "Signature is Valid." in said
    assert "Certificate is Trusted." in said
    assert "Total document signed" in said
    assert failed(verify(signed, VerifyInputs(trust=who.authority_pem))) == {}


def test_each_certificate_stands_in_the_signature_once(key_file: Callable[..., KeyFile]) -> None:
    who = identity("ec", extra_bytes=5_000)
    signed = sign(key_file(who), rendered(FEW).pdf).pdf
    assert signed.count(who.certificate_der.hex().encode()) == 1


def test_a_certificate_that_leads_nowhere_is_left_out(tmp_path: Path) -> None:
    who, other = identity("ec"), identity("rsa", authority="Somebody Else")
    path = tmp_path / "signing.p12"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"",
            who.key,
            who.certificate,
            [other.certificate, who.authority, other.authority],
            BestAvailableEncryption(PASSPHRASE.encode()),
        )
    )
    chain = [each.dump() for each in key_in_file(KeyFile(path, PASSPHRASE)).chain]
    assert chain == [who.authority.public_bytes(Encoding.DER)]


def test_a_key_with_pss_in_its_certificate_signs_with_pss(tmp_path: Path) -> None:
    # cryptography makes no certificate of such a key
    bits, usage = "rsa_keygen_bits:2048", "keyUsage=critical,digitalSignature,nonRepudiation"
    made = ("-inkey", "key.pem", "-in", "leaf.pem", "-out", "signing.p12")
    openssl(
        *("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", bits, "-out", "key.pem"), folder=tmp_path
    )
    openssl(
        *("req", "-x509", "-new", "-key", "key.pem", "-sha256", "-days", "30", "-out", "leaf.pem"),
        *("-subj", "/CN=Northgate", "-addext", usage),
        folder=tmp_path,
    )
    openssl("pkcs12", "-export", *made, "-passout", f"pass:{PASSPHRASE}", folder=tmp_path)
    signed = sign(KeyFile(tmp_path / "signing.p12", PASSPHRASE), rendered(FEW).pdf).pdf
    leaf = (tmp_path / "leaf.pem").read_bytes()
    report = verify(signed, VerifyInputs(trust=leaf))
    assert failed(report) == {}
    # Poppler knows no PSS
    document = pikepdf.open(BytesIO(signed))
    signature = document.Root.AcroForm.Fields[0].V
    first, size, second, rest = map(int, signature.ByteRange)
    assert first == 0
    (tmp_path / "signed").write_bytes(signed[:size] + signed[second : second + rest])
    (tmp_path / "signature").write_bytes(bytes(signature.Contents))
    openssl(
        *("cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "signed"),
        *("-CAfile", "leaf.pem", "-purpose", "any", "-out", "checked"),
        folder=tmp_path,
    )


@pytest.mark.parametrize(("kind", "bits"), [("rsa 1024", 1024), ("ec 192", 192), ("ec 224", 224)])
def test_a_key_that_can_be_broken_is_refused(
    kind: str, bits: int, key_file: Callable[..., KeyFile]
) -> None:
    with pytest.raises(Misconfigured, match=rf"key of {bits} bits, which can be broken"):
        load_signer(key_file(identity(kind)))


def test_a_key_that_is_not_the_certificates_is_refused() -> None:
    # Given a key as a token may hold it, beside the certificate of another one
    other = new_key("ec 384")
    certificate = asn1_x509.Certificate.load(identity("ec").certificate_der)
    assert isinstance(other, ec.EllipticCurvePrivateKey)
    with pytest.raises(Misconfigured, match="is not the one of its certificate"):
        PadesSigner(FileKey(other, certificate, []), None)


@pytest.mark.parametrize("kind", ["rsa 2048", "ec"])
def test_a_signature_costs_little_beyond_what_the_key_takes(
    kind: str, key_file: Callable[..., KeyFile]
) -> None:
    pdf, key = rendered(many(30)).pdf, key_file(identity(kind))
    signer, private = load_signer(key), key_in_file(key)
    assert signer is not None
    signer.sign(pdf)
    differences = []
    for _ in range(30):
        began = time.process_time()
        signer.sign(pdf)
        signed = time.process_time()
        private.sign(bytes(300))
        differences.append(2 * signed - began - time.process_time())
    assert sorted(differences)[len(differences) // 2] < MOST_CPU_SECONDS
