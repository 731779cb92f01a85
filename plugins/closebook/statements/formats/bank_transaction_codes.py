"""The ISO 20022 bank transaction code of each kind of entry: domain, family and sub-family.

The codes are those of ISO's external code sets. A kind that is not in the table gets the code of
other entries. The XML gives the platform's own name of a kind too, as a proprietary code.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from closebook.statements.model import FEE


@dataclass(frozen=True, slots=True)
class BankTransactionCode:
    """The domain, such as payments (PMNT), the family and the sub-family of an entry."""

    domain: str
    family: str
    sub_family: str


Code = tuple[str, str, str]
KindCodes = tuple[Code, Code]
"""The codes of a credit and of a debit."""

# For each kind the code of a credit, and that of a debit. MCOP and MDOP are miscellaneous credit
# and debit operations, RCDT and ICDT received and issued credit transfers, MCRD merchants' cards.
_CODES: Mapping[str, KindCodes] = {
    "payment": (("PMNT", "RCDT", "OTHR"), ("PMNT", "ICDT", "OTHR")),
    "payout": (("PMNT", "RCDT", "OTHR"), ("PMNT", "ICDT", "OTHR")),
    "transfer": (("PMNT", "RCDT", "OTHR"), ("PMNT", "ICDT", "OTHR")),
    "refund": (("PMNT", "RCDT", "RIMB"), ("PMNT", "ICDT", "RIMB")),
    "chargeback": (("PMNT", "MCRD", "ADJT"), ("PMNT", "MCRD", "ADJT")),
    FEE: (("ACMT", "MCOP", "CHRG"), ("ACMT", "MDOP", "CHRG")),
    "interest": (("ACMT", "MCOP", "INTR"), ("ACMT", "MDOP", "INTR")),
    "adjustment": (("ACMT", "MCOP", "ADJT"), ("ACMT", "MDOP", "ADJT")),
}
_OTHER: KindCodes = (("PMNT", "MCOP", "OTHR"), ("PMNT", "MDOP", "OTHR"))


def bank_transaction_code(
    kind: str, other_codes: Mapping[str, KindCodes], *, is_credit: bool
) -> BankTransactionCode:
    """Return the code of an entry of this kind: that of ``other_codes`` if it has the kind."""
    credit, debit = other_codes.get(kind) or _CODES.get(kind, _OTHER)
    return BankTransactionCode(*(credit if is_credit else debit))
