"""Statements can be signed with a key on a PKCS#11 token."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from closebook.settings.signing_settings import KeyToken
from tests.statements.certificates import Identity, identity
from tests.statements.rendered_pdf import ROOT, rendered
from tests.statements.samples import many
from tests.statements.signed_pdf import pdfsig, sign, sign_at_once

KINDS = ("rsa", "rsa 2048", "rsa 4096", "ec", "ec 384", "ec 521")
SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


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
        yield {kind: _on_token(kind, identity(kind)) for kind in KINDS}


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_on_a_token_signs(kind: str, tokens: dict[str, KeyToken], tmp_path: Path) -> None:
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
        ({"label": "invoices"}, "it has 0 private keys and 0 certificates of this label"),
        ({"pin": "000000"}, "PinIncorrect"),
        ({"module": Path("/nowhere/module.so")}, "/nowhere/module.so"),
    ],
)
def test_the_error_for_a_token_that_does_not_open_says_what_to_correct(
    wrong: dict[str, Any], said: str, tokens: dict[str, KeyToken]
) -> None:
    # In a process of its own: one process logs in to a token once.
    key = replace(tokens["rsa"], **wrong)
    program = """
import sys
from pathlib import Path
from closebook.errors import Misconfigured
from closebook.settings.signing_settings import KeyToken
from closebook.statements.signing.key_loader import load_signer
try:
    load_signer(KeyToken(Path(sys.argv[1]), *sys.argv[2:]))
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
