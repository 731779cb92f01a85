"""Signatures with evidence of their time: PAdES B-T and B-LTA, with authorities on loopback."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import outloud
import pikepdf
import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore

from closebook.errors import Misconfigured, Transient
from closebook.settings.signing_settings import KeyFile, Timestamping
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.verify.verification import VerifyInputs, verify
from tests.statements.authorities import Authorities, authorities
from tests.statements.certificates import identity, new_key
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import kinds
from tests.statements.signed_pdf import pdfsig, sign
from tests.statements.verify_samples import FEW, failed

AuthorityKey = Callable[..., KeyFile]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    """Authorities on loopback."""
    with authorities(tmp_path_factory.mktemp("authorities")) as running:
        yield running


@pytest.fixture
def timed_key(both: Authorities, key_file: Callable[..., KeyFile]) -> AuthorityKey:
    """A function that returns a key whose signatures the authority timestamps."""

    def key(*, is_long_term: bool = False, kind: str = "ec") -> KeyFile:
        roots = both.roots if is_long_term else None
        found = key_file(both.identity(new_key(kind)))
        return replace(found, timestamping=Timestamping(both.url, roots))

    return key


def details_of(pdf: bytes, both: Authorities) -> str:
    report = verify(pdf, VerifyInputs(trust=both.root.public_bytes(Encoding.PEM)))
    assert failed(report) == {}
    return next(it.detail for it in report.findings if it.check == "signature")


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_timestamp_of_the_signature_is_in_it(
    kind: str, timed_key: AuthorityKey, both: Authorities, tmp_path: Path
) -> None:
    signed = sign(timed_key(kind=kind), rendered(FEW).pdf).pdf
    # PAdES B-T: a timestamp of the signature among what is not signed
    document = pikepdf.open(BytesIO(signed))
    (field,) = document.Root.AcroForm.Fields
    data = cms.ContentInfo.load(bytes(field.V.Contents))["content"]
    attributes = [each["type"].native for each in data["signer_infos"][0]["unsigned_attrs"]]
    assert attributes == ["signature_time_stamp_token"]
    said = pdfsig(tmp_path, signed, both.identity(new_key(kind)))
    assert "Signature is Valid." in said
    assert "Certificate is Trusted." in said
    assert "according to Test Clock" in details_of(signed, both)


@pytest.mark.parametrize("kind", ["one line", "some pages"])
def test_with_roots_the_file_has_all_that_checks_it_later(
    kind: str, timed_key: AuthorityKey, both: Authorities, tmp_path: Path
) -> None:
    pdf = rendered(kinds()[kind]).pdf
    signed = sign(timed_key(is_long_term=True), pdf).pdf
    # PAdES B-LTA: certificates, revocation lists, and a timestamp of the whole file
    document = pikepdf.open(BytesIO(signed))
    assert len(document.Root.DSS.Certs) >= 3
    assert len(document.Root.DSS.CRLs) == 1
    assert [str(each.V.Type) for each in document.Root.AcroForm.Fields] == [
        "/Sig",
        "/DocTimeStamp",
    ]
    said = pdfsig(tmp_path, signed, both.identity(new_key("ec")))
    assert said.count("Signature is Valid.") == 1  # this release checks no timestamp of a file
    assert "Certificate is Trusted." in said
    assert "according to Test Clock" in details_of(signed, both)
    # And pyHanko checks it with what is in the file, and nothing else
    root = asn1_x509.Certificate.load(both.root.public_bytes(Encoding.DER))
    reader = PdfFileReader(BytesIO(signed))
    context = DocumentSecurityStore.read_dss(reader).as_validation_context(
        {"trust_roots": [root], "allow_fetching": False, "revocation_mode": "hard-fail"}
    )
    status = validate_pdf_signature(reader.embedded_regular_signatures[0], context, context)
    assert (status.intact, status.valid, status.trusted) == (True, True, True)
    # And the statement is still accessible, and its metadata the same
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed)
    assert outloud.check(str(path)).verdict == "pass"
    before = pikepdf.open(BytesIO(pdf))
    assert document.Root.Metadata.read_bytes() == before.Root.Metadata.read_bytes()
    assert dict(document.docinfo) == dict(before.docinfo)


def test_revocation_lists_are_fetched_once_for_many_statements(
    timed_key: AuthorityKey, both: Authorities
) -> None:
    signer = load_signer(timed_key(is_long_term=True))
    assert signer is not None
    both.asked.clear()
    for _ in range(3):
        signer.sign(rendered(FEW).pdf)
    assert both.asked.count("/revoked.crl") <= 1


def test_what_is_added_after_the_timestamp_of_the_file_is_found(
    timed_key: AuthorityKey, both: Authorities
) -> None:
    signed = sign(timed_key(is_long_term=True), rendered(FEW).pdf).pdf
    update, output = IncrementalPdfFileWriter(BytesIO(signed)), BytesIO()
    update.update_root()
    update.write(output)
    report = verify(output.getvalue(), VerifyInputs())
    assert "does not cover the whole file" in failed(report)["signature"]


def test_what_is_added_before_the_timestamp_of_the_file_is_found(
    timed_key: AuthorityKey, both: Authorities
) -> None:
    # Given a signed statement, and somebody who adds to it and has all of it timestamped
    signed = sign(timed_key(), rendered(FEW).pdf).pdf
    update, output = IncrementalPdfFileWriter(BytesIO(signed)), BytesIO()
    update.root["/Lang"] = generic.pdf_string("fr")
    update.update_root()
    stamper = PdfTimeStamper(RequestsHTTPTimeStamper(both.url), "Later")
    stamper.timestamp_pdf(update, "sha256", output=output)
    report = verify(output.getvalue(), VerifyInputs())
    assert "something was added to the file after it was signed" in failed(report)["signature"]


def test_a_timestamp_that_is_longer_than_the_sample_gets_a_larger_place(
    timed_key: AuthorityKey, both: Authorities
) -> None:
    signer = load_signer(timed_key())
    assert signer is not None
    # Given an authority that has a longer certificate since then
    longer = both.certificate("Test Clock", both.clock_key, is_tsa=True, extra_bytes=8_000)
    before = both.clock.read_bytes()
    both.clock.write_bytes(longer.public_bytes(Encoding.PEM))
    try:
        signed = signer.sign(rendered(FEW).pdf).pdf
    finally:
        both.clock.write_bytes(before)
    assert failed(verify(signed, VerifyInputs())) == {}


def test_an_authority_that_does_not_answer_is_tried_again_later(
    timed_key: AuthorityKey, both: Authorities
) -> None:
    signer = load_signer(timed_key())
    assert signer is not None
    both.is_silent = True
    try:
        with pytest.raises(Transient, match=rf"the timestamp authority {both.url} gave no"):
            signer.sign(rendered(FEW).pdf)
    finally:
        both.is_silent = False


def test_a_signer_of_an_authority_that_is_not_among_the_roots_is_refused(
    both: Authorities, key_file: Callable[..., KeyFile]
) -> None:
    stranger = replace(key_file(identity()), timestamping=Timestamping(both.url, both.roots))
    with pytest.raises(Misconfigured, match="put the roots of both into that file"):
        sign(stranger, rendered(FEW).pdf)
