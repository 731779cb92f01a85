"""What the tests of statements share: signers, and that each file is validated."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from closebook.settings.signing_settings import KeyFile
from closebook.statements.render.document import RenderedStatement
from closebook.statements.signing.key_loader import load_signer
from closebook.statements.signing.signer import Signer
from tests.statements.certificates import PASSPHRASE, Identity, identity
from tests.statements.short_parts import short_parts
from tests.statements.validators import page_validation_of_readable


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


@pytest.fixture(scope="package", autouse=True)
def _short_parts() -> Iterator[None]:
    """Lay out statements in shorter parts than elsewhere."""
    with short_parts():
        yield


@pytest.fixture(autouse=True)
def _validated_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validate each file that a test renders in its own process."""
    before, own_process = RenderedStatement.__init__, os.getpid()

    def made(self: RenderedStatement, *values: Any, **named: Any) -> None:
        before(self, *values, **named)
        # The validator's threads are not in a process that was forked: it would wait for them.
        if os.getpid() == own_process:
            assert page_validation_of_readable(self.pdf) == []

    monkeypatch.setattr(RenderedStatement, "__init__", made)
