"""`closebook verify` checks the signature of a statement and who made it."""

from collections.abc import Callable
from io import BytesIO

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from closebook.settings.signing_settings import KeyFile
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.signing.signer import Signer
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.certificates import identity
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import kinds
from tests.statements.verify_samples import FEW, failed, register


@pytest.mark.parametrize("kind", ["one line", "right to left", "in parts"])
def test_a_signed_statement_is_verified_and_its_signer_trusted(kind: str, signer: Signer) -> None:
    made = kinds()[kind]
    signed = signer.sign(rendered(made).pdf)
    listed = register((made, signed.pdf), unsigned_sha256=signed.unsigned_sha256)
    report = verify(signed.pdf, VerifyInputs(manifest=listed, trust=identity().authority_pem))
    assert failed(report) == {}
    detail = next(it.detail for it in report.findings if it.check == "signature")
    assert "valid for the whole file, signed by Northgate Payments" in detail
    assert signed.certificate_sha256[:16] in detail
    assert detail.endswith("the signer is trusted")


def test_the_signers_own_certificate_can_be_the_trusted_one(signer: Signer) -> None:
    signed = signer.sign(rendered(FEW).pdf).pdf
    assert failed(verify(signed, VerifyInputs(trust=identity().certificate_der))) == {}


def test_a_signer_is_named_when_no_trusted_certificate_is_given(signer: Signer) -> None:
    report = verify(signer.sign(rendered(FEW).pdf).pdf, VerifyInputs())
    assert failed(report) == {}
    assert "no certificate was given to check whether the signer is trusted" in report.text


def test_a_signer_that_is_not_trusted_is_found(key_file: Callable[..., KeyFile]) -> None:
    signer = load_signer(key_file(identity(authority="Somebody Else")))
    assert signer is not None
    report = verify(
        signer.sign(rendered(FEW).pdf).pdf, VerifyInputs(trust=identity().authority_pem)
    )
    assert "by Northgate Payments, but the signer is not trusted" in failed(report)["signature"]


def test_an_unsigned_file_fails_when_a_trusted_certificate_is_given() -> None:
    report = verify(rendered(FEW).pdf, VerifyInputs(trust=identity().authority_pem))
    assert "the file is not signed" in failed(report)["signature"]


def test_a_change_to_a_signed_file_breaks_its_signature(signer: Signer) -> None:
    signed = signer.sign(rendered(FEW).pdf).pdf
    # Given another digit in the identifier of the file, which changes nothing else
    at = signed.index(b"%\xe2\xe3\xcf\xd3") + 1
    report = verify(signed[:at] + b"\xe3" + signed[at + 1 :], VerifyInputs())
    assert failed(report).keys() == {"signature"}
    assert "was changed after it was signed" in failed(report)["signature"]


def test_an_update_after_the_signature_is_found(signer: Signer) -> None:
    update = IncrementalPdfFileWriter(BytesIO(signer.sign(rendered(FEW).pdf).pdf))
    update.update_root()
    output = BytesIO()
    update.write(output)
    report = verify(output.getvalue(), VerifyInputs())
    assert "does not cover the whole file" in failed(report)["signature"]


def test_a_signature_that_was_removed_is_found_missing(signer: Signer) -> None:
    pdf = rendered(FEW).pdf
    signed = signer.sign(pdf)
    listed = register((FEW, signed.pdf), unsigned_sha256=signed.unsigned_sha256)
    report = verify(pdf, VerifyInputs(manifest=listed))
    assert (
        "unsigned form of a signed statement; its signature is missing"
        in failed(report)["manifest"]
    )
