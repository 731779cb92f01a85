"""The standard reasons that account holders read on a corrected statement.

A run names a reason by its code. The page has its sentence in the holder's language, from the
catalogs of the template; the XML has it in English.
"""

from collections.abc import Mapping

from closebook.errors import Misconfigured

HOLDER_REASONS: Mapping[str, str] = {
    "entries_posted_late": "Entries of this period were posted after the statement was issued.",
    "entries_corrected": "Entries of this period were corrected.",
    "entries_missing": "The statement did not list all entries of this period.",
    "fees_corrected": "Fees of this period were corrected.",
    "opening_balance_corrected": "The statement of an earlier period was corrected.",
    "details_corrected": "The name of the account holder or the account number was corrected.",
}
"""The English sentence of each code. A test compares them with the English catalog."""

MAX_HOLDER_TEXT_LENGTH = 300
"""How many characters the text of a run for the holders may have."""


def known_holder_reason(code: str) -> str:
    """Return the code. Raises Misconfigured if no catalog has a sentence for it."""
    if code not in HOLDER_REASONS:
        raise Misconfigured(
            "CB-CONFIG-HOLDER-REASON-UNKNOWN",
            f"{code!r} is no reason that holders can read: trigger the run again with one of "
            f"{', '.join(HOLDER_REASONS)}, or with none",
        )
    return code
