"""Check a sample of the documents with a validator of PDF/A and PDF/UA, such as veraPDF.

The metadata of each file names the standards that it conforms to. The register names them only for
a file that a validator has checked: a brand's style sheet or font may break a rule of a standard
that Closebook itself does not check.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from closebook.errors import Misconfigured, WrongData
from closebook.settings.statement_settings import DocumentValidator

# The names that veraPDF has for PDF/A-3a and PDF/UA-1.
FLAVOURS = ("3a", "ua1")
_CONFORMS, _DOES_NOT_CONFORM = 0, 1
_SECONDS = 120


@dataclass(frozen=True)
class SampleCheck:
    """Checks a sample of the documents. A document's hash says whether it is in the sample."""

    validator: DocumentValidator | None

    def conformance_of(self, pdf: bytes, claimed: str, document_name: str) -> str | None:
        """Return the standards that were claimed if the file was checked, else None.

        Raises WrongData when the file does not conform, and Misconfigured when the validator
        cannot be run.
        """
        validator = self.validator
        if validator is None or int(sha256(pdf).hexdigest()[:8], 16) % validator.every:
            return None
        with TemporaryDirectory(prefix="closebook-") as folder:
            path = Path(folder) / "statement.pdf"
            path.write_bytes(pdf)
            for flavour in FLAVOURS:
                _check(validator.command, flavour, path, document_name)
        return claimed


NO_SAMPLE = SampleCheck(None)
"""Checks nothing."""


def _check(command: Sequence[str], flavour: str, path: Path, document_name: str) -> None:
    arguments = [
        part.replace("{flavour}", flavour).replace("{file}", str(path)) for part in command
    ]
    try:
        # The operator's own command; no shell reads it.
        done = subprocess.run(arguments, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Misconfigured(
            "CB-CONFIG-VALIDATOR-NOT-RUN",
            f"the validator {arguments[0]} cannot be run ({error}): correct CLOSEBOOK_VALIDATOR",
        ) from None
    if done.returncode == _DOES_NOT_CONFORM:  # guard: documents.sample-conforms
        raise WrongData(
            "CB-DATA-DOCUMENT-NOT-CONFORMANT",
            f"{document_name} does not conform to {flavour}: run the validator on a document of "
            "the doctor to see the rule",
        )
    if done.returncode != _CONFORMS:
        raise Misconfigured(
            "CB-CONFIG-VALIDATOR-FAILED",
            f"the validator {arguments[0]} ended with {done.returncode}, which is neither 0 "
            "(conforms) nor 1 (does not): correct CLOSEBOOK_VALIDATOR",
        )
