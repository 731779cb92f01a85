"""What Closebook relies on in pyHanko 0.38 beyond its documented interfaces.

Each test names one private or overridden part. When an upgrade of pyHanko fails here, the name of
the failed test says which part has changed. signing/pyhanko_signer.py uses all of these parts.
test_weasyprint_contract.py compares the range of versions with requirements.in.
"""

import inspect
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from cryptography.hazmat.primitives import hashes
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.pkcs11 import PKCS11Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pyhanko_certvalidator.util import get_pyca_cryptography_hash

from tests.statements.certificates import PASSPHRASE, Identity, identity
from tests.statements.rendered_pdf import ROOT, rendered
from tests.statements.samples import many

FIELD = fields.SigFieldSpec(
    "Signature",
    on_page=0,
    invis_sig_settings=fields.InvisSigSettings(set_print_flag=True, box_out_of_bounds=True),
)


def unsigned() -> IncrementalPdfFileWriter:
    return IncrementalPdfFileWriter(BytesIO(rendered(many(2)).pdf))


def signatures_made(bytes_reserved: int | None) -> int:
    """Sign a statement, and return how often pyHanko asked for a signature."""
    loaded = load_signer_of_key(identity())
    calls = []

    class CountingSigner(signers.Signer):
        async def async_sign_raw(
            self, data: bytes, digest_algorithm: str, dry_run: bool = False
        ) -> bytes:
            calls.append(data)
            return await loaded.async_sign_raw(data, digest_algorithm, dry_run)

    signer = CountingSigner(
        signing_cert=loaded.signing_cert, cert_registry=SimpleCertificateStore()
    )
    metadata = signers.PdfSignatureMetadata(
        field_name="Signature", subfilter=fields.SigSeedSubFilter.PADES
    )
    pdf_signer = signers.PdfSigner(metadata, signer, new_field_spec=FIELD)
    pdf_signer.sign_pdf(unsigned(), bytes_reserved=bytes_reserved)
    return len(calls)


def load_signer_of_key(who: Identity) -> signers.Signer:
    loaded = signers.SimpleSigner.load_pkcs12_data(who.pkcs12, [], passphrase=PASSPHRASE.encode())
    assert isinstance(loaded, signers.Signer)
    return loaded


def test_a_version_of_pyhanko_that_is_not_supported_is_refused_in_words(tmp_path: Path) -> None:
    # Given a machine on which another version of pyHanko is installed
    metadata = tmp_path / "pyhanko-0.25.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: pyhanko\nVersion: 0.25.0\n")
    # When the signer is loaded
    program = (
        "from pathlib import Path\n"
        "from closebook.errors import Misconfigured\n"
        "from closebook.settings import KeyFile\n"
        "from closebook.statements.signing.key_loader import load_signer\n"
        "try:\n    load_signer(KeyFile(Path('key.p12'), ''))\n"
        "except Misconfigured as error:\n    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    # Then the error says which version is needed, which is installed, and what to do
    assert "Closebook needs pyhanko>=0.38,<0.39" in ran.stdout
    assert "pyhanko 0.25.0 is installed" in ran.stdout
    assert "pip install -r requirements.txt" in ran.stdout


def test_update_meta_is_the_method_that_changes_the_metadata() -> None:
    class WithoutMetadata(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            pass

    def xmp_after_an_update(writer: IncrementalPdfFileWriter) -> bytes:
        output = BytesIO()
        writer.update_root()
        writer.write(output)
        with pikepdf.open(output) as written:
            return bytes(written.Root.Metadata.read_bytes())

    pdf = rendered(many(2)).pdf
    with pikepdf.open(BytesIO(pdf)) as unchanged:
        before = bytes(unchanged.Root.Metadata.read_bytes())
    assert xmp_after_an_update(IncrementalPdfFileWriter(BytesIO(pdf))) != before
    assert xmp_after_an_update(WithoutMetadata(BytesIO(pdf))) == before


def test_append_signature_field_adds_the_widget_as_the_last_field() -> None:
    update = unsigned()
    fields.append_signature_field(update, FIELD)
    widget = update.root["/AcroForm"]["/Fields"].raw_get(-1)
    assert isinstance(widget, generic.IndirectObject)
    assert widget.get_object()["/Subtype"] == "/Widget"


def test_update_container_and_mark_update_write_a_changed_object_again() -> None:
    update = unsigned()
    tree = update.root["/StructTreeRoot"]
    tree["/ParentTreeNextKey"] = generic.NumberObject(99)
    update.update_container(tree)
    document = tree["/K"].raw_get(0)
    document.get_object()["/Lang"] = generic.pdf_string("en")
    update.mark_update(document)
    output = BytesIO()
    update.write(output)
    with pikepdf.open(output) as written:
        root = written.Root.StructTreeRoot
        assert (int(root.ParentTreeNextKey), str(root.K[0].Lang)) == (99, "en")


@pytest.mark.parametrize("signer", [signers.Signer, PKCS11Signer])
def test_async_sign_raw_is_the_method_that_a_signer_overrides(signer: type) -> None:
    method = signer.async_sign_raw  # type: ignore[attr-defined]
    assert inspect.iscoroutinefunction(method)
    parameters = ["self", "data", "digest_algorithm", "dry_run"]
    assert list(inspect.signature(method).parameters) == parameters


def test_a_signer_takes_its_certificate_and_a_store_of_certificates() -> None:
    assert {"signing_cert", "cert_registry"} <= set(inspect.signature(signers.Signer).parameters)
    assert list(SimpleCertificateStore()) == []


def test_with_a_reserved_size_a_signature_is_made_once_and_without_it_twice() -> None:
    assert signatures_made(16_384) == 1
    assert signatures_made(None) == 2


def test_load_objects_of_a_token_is_synchronous() -> None:
    method = PKCS11Signer._load_objects
    assert not inspect.iscoroutinefunction(method)
    assert list(inspect.signature(method).parameters) == ["self"]
    assert {"use_raw_mechanism", "cert_label", "key_label", "other_certs_to_pull"} <= set(
        inspect.signature(PKCS11Signer).parameters
    )


def test_get_pyca_cryptography_hash_names_hashes_as_a_signature_does() -> None:
    assert isinstance(get_pyca_cryptography_hash("sha256"), hashes.SHA256)
