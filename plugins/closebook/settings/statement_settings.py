"""What statements look like, which files they have, and what checks them."""

import os
from dataclasses import dataclass
from pathlib import Path

from closebook import environment
from closebook.errors import Misconfigured
from closebook.package_data import data_folder


def templates_folder() -> Path:
    """Return the folder of the templates: CLOSEBOOK_TEMPLATES, else the one of this code."""
    templates = os.environ.get("CLOSEBOOK_TEMPLATES")
    return Path(templates) if templates else data_folder("templates")


def brand_folder() -> Path | None:
    """Return the folder of the brand of statements, CLOSEBOOK_BRAND; None for Closebook's own."""
    folder = os.environ.get("CLOSEBOOK_BRAND")
    return Path(folder) if folder else None


def camt053_version() -> str:
    """Return the version of camt.053 that statements have, CLOSEBOOK_CAMT_VERSION."""
    return environment.camt053_version(os.environ.get("CLOSEBOOK_CAMT_VERSION", ""))


def statement_files() -> tuple[str, ...]:
    """Return what is attached beside XML and CSV, CLOSEBOOK_STATEMENT_FILES."""
    return environment.statement_files(os.environ.get("CLOSEBOOK_STATEMENT_FILES", ""))


def stamps_statements() -> bool:
    """Return whether statements are stamped: CLOSEBOOK_STAMPED_STATEMENTS."""
    return environment.is_stamped(os.environ.get("CLOSEBOOK_STAMPED_STATEMENTS", ""))


@dataclass(frozen=True)
class DocumentValidator:
    """The command that checks a document. One document in ``every`` is checked."""

    command: tuple[str, ...]
    every: int


def document_validator() -> DocumentValidator | None:
    """Return the validator of CLOSEBOOK_VALIDATOR; None without one."""
    command = tuple(os.environ.get("CLOSEBOOK_VALIDATOR", "").split())
    if not command:
        return None
    every = os.environ.get("CLOSEBOOK_VALIDATE_ONE_IN") or "100"
    has_places = any("{file}" in it for it in command) and any("{flavour}" in it for it in command)
    if not has_places or not every.isascii() or not every.isdigit() or int(every) < 1:
        raise Misconfigured(
            "CB-CONFIG-VALIDATOR-UNREADABLE",
            "CLOSEBOOK_VALIDATOR must have {flavour} and {file}, and CLOSEBOOK_VALIDATE_ONE_IN "
            "must be a number from 1",
        )
    return DocumentValidator(command, int(every))
