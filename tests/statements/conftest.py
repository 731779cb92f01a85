"""Signers that the tests of statements share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from closebook.settings.signing_settings import KeyFile
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.signing.signer import Signer
from tests.statements.certificates import PASSPHRASE, Identity, identity


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., KeyFile]:
    """Return a function that writes an identity into a PKCS#12 file."""

    def write(who: Identity, passphrase: str = PASSPHRASE) -> KeyFile:
        path = tmp_path / "signing.p12"
        path.write_bytes(who.pkcs12)
        return KeyFile(path, passphrase)

    return write


@pytest.fixture
def signer(key_file: Callable[..., KeyFile]) -> Signer:
    """The signer of Northgate Payments."""
    loaded = load_signer(key_file(identity()))
    assert loaded is not None
    return loaded
