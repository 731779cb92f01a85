"""Where the real data lie, and how their files are loaded."""

import os
from pathlib import Path

import pytest

from local import REPOSITORY


@pytest.fixture(scope="session")
def bank_data() -> Path:
    """The folder of a bank's accounts and entries; see the README beside it."""
    return _folder("CLOSEBOOK_BANK_DATA", "bank")


@pytest.fixture(scope="session")
def taxi_data() -> Path:
    """The folder of taxi fares; see the README beside it."""
    return _folder("CLOSEBOOK_TAXI_DATA", "taxi")


def _folder(variable: str, name: str) -> Path:
    default = REPOSITORY.parent / "shared" / "data" / name
    folder = Path(os.environ.get(variable) or default)
    if not folder.is_dir():
        pytest.skip(f"there is no folder {folder}: set {variable} to where the {name} data are")
    return folder
