"""A signed statement is whole, trusted, still what its metadata claims, and known by two hashes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import outloud
import pikepdf
import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from closebook.errors import Misconfigured
from closebook.settings import KeyFile, KeyToken, SigningKey, from_airflow
from closebook.statements.signing.key_loader import signer_of
from closebook.statements.signing.signer import Signed
from tests.statements.certificates import PASSPHRASE, Identity, identity, new_key, trusting
from tests.statements.rendered_pdf import ROOT, rendered
from tests.statements.samples import kinds, many
from tests.test_settings import CONNECTIONS, ENVIRONMENT

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
KINDS = ["one line", "right to left", "some pages", "in parts"]


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., KeyFile]:
    """Keeps an identity in a PKCS#12 file."""

    def kept(who: Identity, passphrase: str = PASSPHRASE) -> KeyFile:
        path = tmp_path / "signing.p12"
        path.write_bytes(who.pkcs12)
        return KeyFile(path, passphrase)

    return kept


def sign(key: SigningKey, pdf: bytes) -> Signed:
    signer = signer_of(key)
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


def test_a_signer_nobody_trusts_is_not_trusted(
    key_file: Callable[..., KeyFile], tmp_path: Path
) -> None:
    signed = sign(key_file(identity(authority="Somebody Else")), rendered(many(2)).pdf).pdf
    said = pdfsig(tmp_path, signed, identity())
    assert "Signature is Valid." in said
    assert "Certificate is Trusted" not in said


def test_the_hashes_of_before_and_of_the_certificate_come_with_it(
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
def test_a_signed_statement_is_sound_and_read_out_well(
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


def test_the_metadata_stays_as_it_was(key_file: Callable[..., KeyFile]) -> None:
    pdf = rendered(many(2)).pdf
    before = pikepdf.open(BytesIO(pdf))
    after = pikepdf.open(BytesIO(sign(key_file(identity()), pdf).pdf))
    assert after.Root.Metadata.read_bytes() == before.Root.Metadata.read_bytes()
    assert dict(after.docinfo) == dict(before.docinfo)
    # The first identifier is the document's, the second that of this file of it
    assert bytes(after.trailer.ID[0]) == bytes(before.trailer.ID[0])
    assert bytes(after.trailer.ID[1]) != bytes(before.trailer.ID[1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_field_prints_nothing_and_has_its_place_in_the_tree(
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


def test_a_signature_has_its_own_time_so_the_file_before_is_the_one_that_repeats(
    key_file: Callable[..., KeyFile],
) -> None:
    key, pdf = key_file(identity()), rendered(many(2)).pdf
    first, second = sign(key, pdf), sign(key, pdf)
    assert first.pdf != second.pdf
    assert first.unsigned_sha256 == second.unsigned_sha256


def test_the_key_is_loaded_once_a_process(key_file: Callable[..., KeyFile]) -> None:
    key = key_file(identity())
    signer = signer_of(key)
    key.path.unlink()
    assert signer_of(key) is signer


def test_without_a_key_nothing_is_signed_and_nothing_imported() -> None:
    program = (
        "import sys; from closebook.statements.signature import signer_of;"
        "sys.exit(signer_of(None) is not None or bool({'pyhanko', 'pkcs11'} & set(sys.modules)))"
    )
    subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=True,
    )


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


def test_threads_may_sign_at_once(key_file: Callable[..., KeyFile], tmp_path: Path) -> None:
    sign_at_once(key_file(identity()), identity(), tmp_path)


# ---- a key on a token ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, KeyToken]]:
    """An RSA and an EC identity on tokens of SoftHSM, a real PKCS#11 module that keeps its tokens
    in files. It looks for them once a process, so all are there before the first is used."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "store").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'store'}\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SOFTHSM2_CONF", str(configuration))
        yield {kind: _on_token(kind, identity(kind)) for kind in ("rsa", "ec")}


def _on_token(name: str, who: Identity) -> KeyToken:
    key = KeyToken(SOFTHSM, name, "statements", "271828")
    subprocess.run(
        [
            *("softhsm2-util", "--init-token", "--free", "--label", name),
            *("--so-pin", "314159", "--pin", key.pin),
        ],
        check=True,
        capture_output=True,
    )
    program = """
import sys, pkcs11
from asn1crypto.keys import PrivateKeyInfo
from pkcs11.util.ec import decode_ec_private_key
from pkcs11.util.rsa import decode_rsa_private_key
from pkcs11.util.x509 import decode_x509_certificate
module, name, label, pin, *content = sys.argv[1:]
private, certificate = map(bytes.fromhex, content)
info = PrivateKeyInfo.load(private)
inner = info["private_key"].parsed
if info.algorithm == "ec":
    inner["parameters"] = info["private_key_algorithm"]["parameters"]
decode = decode_rsa_private_key if info.algorithm == "rsa" else decode_ec_private_key
kept = {pkcs11.Attribute.TOKEN: True, pkcs11.Attribute.LABEL: label}
with pkcs11.lib(module).get_token(token_label=name).open(rw=True, user_pin=pin) as session:
    session.create_object(decode(inner.dump()) | kept)
    session.create_object(decode_x509_certificate(certificate) | kept)
"""
    subprocess.run(
        [
            *(sys.executable, "-c", program, str(SOFTHSM), name, key.label, key.pin),
            *(who.key_der.hex(), who.certificate_der.hex()),
        ],
        check=True,
    )
    return key


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_key_on_a_token_signs_as_well(
    kind: str, tokens: dict[str, KeyToken], tmp_path: Path
) -> None:
    who = identity(kind)
    said = pdfsig(tmp_path, sign(tokens[kind], rendered(many(2)).pdf).pdf, who)
    assert "Signature is Valid." in said
    assert "Certificate is Trusted." in said


def test_threads_take_turns_at_a_token(tokens: dict[str, KeyToken], tmp_path: Path) -> None:
    sign_at_once(tokens["rsa"], identity(), tmp_path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"token": "elsewhere"}, "No token matching"),
        ({"label": "invoices"}, "Could not find certificate with label 'invoices'"),
        ({"pin": "000000"}, "PinIncorrect"),
        ({"module": Path("/nowhere/module.so")}, "/nowhere/module.so"),
    ],
)
def test_a_token_that_does_not_open_says_what_to_correct(
    wrong: dict[str, Any], said: str, tokens: dict[str, KeyToken]
) -> None:
    # In a process of its own: one process logs in to a token once.
    key = replace(tokens["rsa"], **wrong)
    program = """
import sys
from pathlib import Path
from closebook.errors import Misconfigured
from closebook.settings import KeyToken
from closebook.statements.signing.key_loader import signer_of
try:
    signer_of(KeyToken(Path(sys.argv[1]), *sys.argv[2:]))
except Misconfigured as error:
    print(error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, key.module, key.token, key.label, key.pin],
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        check=True,
        capture_output=True,
        text=True,
    )
    assert said in ran.stdout
    assert "correct the extra or the password of the signing connection" in ran.stdout


# ---- what an operator sets ----------------------------------------------------------------


def test_without_a_passphrase_or_with_a_wrong_one_the_key_does_not_open(
    key_file: Callable[..., KeyFile],
) -> None:
    for passphrase in ("", "wrong horse"):
        with pytest.raises(Misconfigured, match="not one of this passphrase: correct the password"):
            signer_of(key_file(identity(), passphrase))


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nowhere.p12 cannot be read \(No such file"):
        signer_of(KeyFile(tmp_path / "nowhere.p12", PASSPHRASE))


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "signing.p12"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----")
    with pytest.raises(Misconfigured, match="is no PKCS#12 file"):
        signer_of(KeyFile(path, PASSPHRASE))


def test_a_file_without_a_certificate_of_its_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing.p12"
    without = pkcs12.serialize_key_and_certificates(b"", new_key("ec"), None, None, NoEncryption())
    path.write_bytes(without)
    with pytest.raises(Misconfigured, match="holds no RSA or EC key with its certificate"):
        signer_of(KeyFile(path, ""))


@pytest.mark.parametrize(
    ("validity", "said"),
    [
        ({"ends_at": datetime.now(UTC) - timedelta(days=1)}, "it is .*: renew it"),
        ({"valid_from_day": 2}, "it is .*: renew it"),
        ({"may_sign": False}, "key usage allows no signatures"),
    ],
)
def test_a_certificate_that_may_not_sign_today_signs_nothing(
    validity: dict[str, Any], said: str, key_file: Callable[..., KeyFile]
) -> None:
    with pytest.raises(Misconfigured, match=said):
        signer_of(key_file(identity(**validity)))


def test_a_certificate_that_expires_while_the_process_runs_signs_no_more(
    key_file: Callable[..., KeyFile],
) -> None:
    pdf = rendered(many(2)).pdf
    # Given a signer whose certificate is valid for two more seconds
    signer = signer_of(key_file(identity("ec", ends_at=datetime.now(UTC) + timedelta(seconds=2))))
    assert signer is not None

    # When it signs on and on, then it refuses to at some time
    def sign_on() -> None:
        while True:
            signer.sign(pdf)

    with pytest.raises(Misconfigured, match="renew it"):
        sign_on()


def settings_of(monkeypatch: pytest.MonkeyPatch, connection: str) -> SigningKey | None:
    for name, uri in CONNECTIONS.items():
        monkeypatch.setenv(name, uri)
    monkeypatch.setenv("AIRFLOW_CONN_CLOSEBOOK_SIGNING", connection)
    named = {"CLOSEBOOK_SIGNING_CONNECTION": "closebook_signing"}
    return from_airflow(ENVIRONMENT | named).signing_key


def test_the_signing_connection_names_a_key_file_and_keeps_its_passphrase(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extra = {"pkcs12": "/etc/closebook/signing.p12"}
    connection = json.dumps({"conn_type": "generic", "password": "secret", "extra": extra})
    key = settings_of(monkeypatch, connection)
    assert key == KeyFile(Path("/etc/closebook/signing.p12"), "secret")
    assert "secret" not in repr(key)


def test_the_signing_connection_names_a_token_and_keeps_its_pin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extra = {"pkcs11_module": str(SOFTHSM), "token": "bank", "label": "statements"}
    connection = json.dumps({"conn_type": "generic", "password": "271828", "extra": extra})
    key = settings_of(monkeypatch, connection)
    assert key == KeyToken(SOFTHSM, "bank", "statements", "271828")
    assert "271828" not in repr(key)


def test_a_signing_connection_that_names_no_key_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Misconfigured, match="closebook_signing names no signing key"):
        settings_of(monkeypatch, json.dumps({"conn_type": "generic", "password": "secret"}))


def test_without_the_setting_there_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, uri in CONNECTIONS.items():
        monkeypatch.setenv(name, uri)
    assert from_airflow(ENVIRONMENT).signing_key is None
