"""A signed statement: a valid PAdES signature, unchanged metadata, still PDF/A and PDF/UA."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import outloud
import pikepdf
import pytest
from asn1crypto import cms

from closebook.settings.signing_settings import KeyFile
from closebook.statements.signing.key_loader import load_signer
from tests.statements.certificates import identity
from tests.statements.rendered_pdf import ROOT, rendered
from tests.statements.samples import kinds, many
from tests.statements.signed_pdf import pdfsig, sign, sign_at_once

KINDS = ["one line", "right to left", "some pages", "in parts"]


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_poppler_finds_the_signature_valid_and_the_certificate_trusted(
    kind: str, key_file: Callable[..., KeyFile], tmp_path: Path
) -> None:
    who = identity(kind)
    said = pdfsig(tmp_path, sign(key_file(who), rendered(many(2)).pdf).pdf, who)
    assert "Signature Validation: Signature is Valid." in said
    assert "Certificate Validation: Certificate is Trusted." in said
    assert "Signer Certificate Common Name: Northgate Payments" in said
    assert "Signature Type: ETSI.CAdES.detached" in said
    assert "Total document signed" in said


def test_a_changed_byte_makes_the_signature_invalid(
    key_file: Callable[..., KeyFile], tmp_path: Path
) -> None:
    who = identity()
    signed = sign(key_file(who), rendered(many(2)).pdf).pdf
    at = signed.index(b"%PDF-1.7") + len(b"%PDF-1.7\n%")
    changed = signed[:at] + b"\xe3" + signed[at + 1 :]
    assert changed != signed
    said = pdfsig(tmp_path, changed, who)
    assert "Signature is Valid" not in said
    assert "Digest Mismatch" in said


def test_a_signer_of_another_authority_is_not_trusted(
    key_file: Callable[..., KeyFile], tmp_path: Path
) -> None:
    signed = sign(key_file(identity(authority="Somebody Else")), rendered(many(2)).pdf).pdf
    said = pdfsig(tmp_path, signed, identity())
    assert "Signature is Valid." in said
    assert "Certificate is Trusted" not in said


def test_a_signed_pdf_comes_with_the_hashes_of_the_unsigned_pdf_and_of_the_certificate(
    key_file: Callable[..., KeyFile],
) -> None:
    who, pdf = identity(), rendered(many(2)).pdf
    signed = sign(key_file(who), pdf)
    assert signed.unsigned_sha256 == sha256(pdf).hexdigest()
    assert signed.certificate_sha256 == sha256(who.certificate_der).hexdigest()
    # And the file before is the beginning of the file after
    assert signed.pdf[: len(pdf)] == pdf
    assert sha256(signed.pdf).hexdigest() != signed.unsigned_sha256


def test_the_signature_is_pades_baseline_b(key_file: Callable[..., KeyFile]) -> None:
    """ETSI EN 319 142-1, 6.3: what B-B must have, and what it must not."""
    who = identity()
    document = pikepdf.open(BytesIO(sign(key_file(who), rendered(many(2)).pdf).pdf))
    (field,) = document.Root.AcroForm.Fields
    signature = field.V
    assert signature.Filter == "/Adobe.PPKLite"
    assert signature.SubFilter == "/ETSI.CAdES.detached"
    # Its time is in the dictionary, and true
    written = re.fullmatch(r"D:(\d{14}(?:Z|[+-]\d\d'\d\d))'?", str(signature.M))
    assert written
    signed_at = datetime.strptime(written[1].replace("'", ""), "%Y%m%d%H%M%S%z")
    assert abs(datetime.now(UTC) - signed_at) < timedelta(minutes=5)
    # One signer, whose certificate is named in what is signed and comes along with its authority
    data = cms.ContentInfo.load(bytes(signature.Contents).rstrip(b"\0"))["content"]
    (signer,) = data["signer_infos"]
    attributes = {attribute["type"].native for attribute in signer["signed_attrs"]}
    assert attributes >= {"content_type", "message_digest", "signing_certificate_v2"}
    assert "signing_time" not in attributes
    held = {certificate.chosen.dump() for certificate in data["certificates"]}
    assert who.certificate_der in held
    assert len(held) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_statement_is_a_valid_and_accessible_pdf(
    kind: str, key_file: Callable[..., KeyFile], tmp_path: Path
) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(sign(key_file(identity()), rendered(kinds()[kind]).pdf).pdf)
    checked = subprocess.run(["qpdf", "--check", path], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "No syntax or stream encoding errors found" in checked.stdout
    result = outloud.check(str(path))
    assert [finding.message for finding in result.sorted_findings()] == []
    assert result.verdict == "pass"


def test_a_signature_does_not_change_the_metadata(key_file: Callable[..., KeyFile]) -> None:
    pdf = rendered(many(2)).pdf
    before = pikepdf.open(BytesIO(pdf))
    after = pikepdf.open(BytesIO(sign(key_file(identity()), pdf).pdf))
    assert after.Root.Metadata.read_bytes() == before.Root.Metadata.read_bytes()
    assert dict(after.docinfo) == dict(before.docinfo)
    # The first identifier is the document's, the second that of this file of it
    assert bytes(after.trailer.ID[0]) == bytes(before.trailer.ID[0])
    assert bytes(after.trailer.ID[1]) != bytes(before.trailer.ID[1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_signature_field_is_invisible_and_is_in_the_structure_tree(
    kind: str, key_file: Callable[..., KeyFile]
) -> None:
    document = pikepdf.open(BytesIO(sign(key_file(identity()), rendered(kinds()[kind]).pdf).pdf))
    (widget,) = document.pages[0].Annots
    assert int(widget.F) & 0b100  # prints: PDF/A
    assert not int(widget.F) & 0b100011  # is neither invisible, hidden, nor without view: PDF/A
    left, bottom, right, top = map(float, widget.Rect)
    assert (left, bottom) == (right, top)  # and shows nothing, so it needs no picture
    assert document.pages[0].Tabs == "/S"
    assert "/NeedAppearances" not in document.Root.AcroForm
    tree = document.Root.StructTreeRoot
    form = tree.K[0].K[-1]
    assert (str(form.S), str(form.Lang)) == ("/Form", "en")
    assert form.K.Obj.objgen == widget.objgen
    owners = pikepdf.NumberTree(tree.ParentTree)
    assert owners[int(widget.StructParent)].objgen == form.objgen
    assert tree.ParentTreeNextKey == widget.StructParent + 1 == len(document.pages) + 1


def test_two_signatures_differ_and_their_unsigned_pdfs_are_equal(
    key_file: Callable[..., KeyFile],
) -> None:
    key, pdf = key_file(identity("ec")), rendered(many(2)).pdf
    first, second = sign(key, pdf), sign(key, pdf)
    assert first.pdf != second.pdf
    assert first.unsigned_sha256 == second.unsigned_sha256


def test_the_key_is_loaded_once_per_process(key_file: Callable[..., KeyFile]) -> None:
    key = key_file(identity())
    signer = load_signer(key)
    key.path.unlink()
    assert load_signer(key) is signer


def test_without_a_key_nothing_is_signed_and_nothing_imported() -> None:
    program = (
        "import sys; from closebook.statements.signing.key_loader import load_signer;"
        "sys.exit(load_signer(None) is not None or bool({'pyhanko', 'pkcs11'} & set(sys.modules)))"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=True,
    )


def test_threads_can_sign_at_the_same_time(
    key_file: Callable[..., KeyFile], tmp_path: Path
) -> None:
    sign_at_once(key_file(identity()), identity(), tmp_path)
