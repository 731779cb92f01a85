"""The signing key that an operator configures: what is accepted, and what is refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from closebook.errors import Misconfigured
from closebook.settings import from_airflow
from closebook.settings.signing_settings import KeyFile, KeyToken, SigningKey
from closebook.statements.signing.key_loader import load_signer
from tests.statements.certificates import PASSPHRASE, identity, new_key
from tests.statements.rendered_pdf import rendered
from tests.statements.samples import many
from tests.test_settings import CONNECTIONS, ENVIRONMENT

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


def test_a_key_with_a_missing_or_wrong_passphrase_is_refused(
    key_file: Callable[..., KeyFile],
) -> None:
    for passphrase in ("", "wrong horse"):
        with pytest.raises(Misconfigured, match="not one of this passphrase: correct the password"):
            load_signer(key_file(identity(), passphrase))


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nowhere.p12 cannot be read \(No such file"):
        load_signer(KeyFile(tmp_path / "nowhere.p12", PASSPHRASE))


def test_a_file_that_is_not_a_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "signing.p12"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----")
    with pytest.raises(Misconfigured, match="is no PKCS#12 file"):
        load_signer(KeyFile(path, PASSPHRASE))


def test_a_file_without_a_certificate_of_its_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signing.p12"
    without = pkcs12.serialize_key_and_certificates(b"", new_key("ec"), None, None, NoEncryption())
    path.write_bytes(without)
    with pytest.raises(Misconfigured, match="holds no RSA or EC key with its certificate"):
        load_signer(KeyFile(path, ""))


@pytest.mark.parametrize(
    ("validity", "said"),
    [
        ({"ends_at": datetime.now(UTC) - timedelta(days=1)}, "it is .*: renew it"),
        ({"valid_from_day": 2}, "it is .*: renew it"),
        ({"may_sign": False}, "key usage allows no signatures"),
    ],
)
def test_a_certificate_that_may_not_sign_today_is_refused(
    validity: dict[str, Any], said: str, key_file: Callable[..., KeyFile]
) -> None:
    with pytest.raises(Misconfigured, match=said):
        load_signer(key_file(identity(**validity)))


def test_a_certificate_that_expires_while_the_process_runs_is_refused_from_then_on(
    key_file: Callable[..., KeyFile],
) -> None:
    pdf = rendered(many(2)).pdf
    # Given a signer whose certificate is valid for five more seconds
    signer = load_signer(key_file(identity("ec", ends_at=datetime.now(UTC) + timedelta(seconds=5))))
    assert signer is not None

    # When it signs on and on, then it refuses to at some time
    def sign_on() -> None:
        while True:
            signer.sign(pdf)

    with pytest.raises(Misconfigured, match="renew it"):
        sign_on()


def settings_of(monkeypatch: pytest.MonkeyPatch, connection: str) -> SigningKey | None:
    monkeypatch.setenv("CLOSEBOOK_CA_CERTIFICATES", "/etc/closebook/ca.pem")
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
    monkeypatch.setenv("CLOSEBOOK_CA_CERTIFICATES", "/etc/closebook/ca.pem")
    for name, uri in CONNECTIONS.items():
        monkeypatch.setenv(name, uri)
    assert from_airflow(ENVIRONMENT).signing_key is None
