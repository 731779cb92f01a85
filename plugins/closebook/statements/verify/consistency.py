"""Compare the three forms of a received statement: the XML, the CSV, and the printed pages."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from closebook.statements.printable import REPLACEMENT
from closebook.statements.verify.attached_statement import AttachedStatement
from closebook.statements.verify.page_tables import PageTables
from closebook.statements.verify.page_texts import (
    Amount,
    AnyAmount,
    InterestRate,
    OriginalAmount,
    amount_text,
    plain,
)
from closebook.statements.verify.printed_forms import PrintedDays, distinct_locales
from closebook.statements.verify.printed_statement import (
    PrintedStatement,
    printed_by_place,
    printed_by_role,
)
from closebook.statements.verify.untrusted_pdf import CheckFailed

_SHORTEST_CUT_TEXT = 34


def refuse_differing_csv(xml: AttachedStatement, csv: AttachedStatement) -> None:
    """Raise CheckFailed, with the first difference, when the XML and the CSV differ."""
    for name, of_xml, of_csv in (
        ("currency", xml.currency, csv.currency),
        ("first day", xml.first_day, csv.first_day),
        ("last day", xml.last_day, csv.last_day),
        ("opening", xml.opening_minor, csv.opening_minor),
        ("closing", xml.closing_minor, csv.closing_minor),
        ("overdraft limit", xml.overdraft_limit_minor, csv.overdraft_limit_minor),
        ("number of lines", len(xml.lines), len(csv.lines)),
    ):
        if of_xml != of_csv:
            raise CheckFailed(f"the {name} is {of_xml} in the XML and {of_csv} in the CSV")
    for line, other in zip(xml.lines, csv.lines, strict=True):
        if line != other:
            raise CheckFailed(f"line {line.number} is not the same in the XML and in the CSV")


def refuse_differing_page(xml: AttachedStatement, page: PageTables, language: str) -> None:
    """Raise CheckFailed, with the first difference, when the pages and the XML differ.

    These are compared: the account number, the opening, the closing, the totals, and the day,
    reference, debit or credit, and balance of each line. Other texts are not compared. The pages
    do not name the holder's locale, so amounts and days may be written as in any one locale of
    Babel. ``language`` is the language of the pages.
    """
    # guard: verify.values-are-found-by-their-role
    has_roles = any(table.role is not None for table in page.tables) or bool(page.cells)
    printed = printed_by_role(xml, page) if has_roles else printed_by_place(page.tables)
    if len(printed.lines) != len(xml.lines):
        raise CheckFailed(
            f"the page prints {len(printed.lines)} lines, and the XML has {len(xml.lines)}"
        )
    if not all(_names_account(xml, cells) for cells in printed.accounts):
        raise CheckFailed("the page does not print the account number that the XML has")
    _check_amounts(xml, language, [*_amounts(xml, printed)])
    _check_days(xml, language, printed)
    for line, said in zip(xml.lines, printed.lines, strict=True):
        wanted = line.reference
        if printed.has_customer_references:
            wanted += line.customer_reference  # guard: verify.reference-is-the-customers
        if not _prints(said.reference, wanted):
            raise CheckFailed(
                f"line {line.number} of the page has another reference than in the XML"
            )


def _amounts(xml: AttachedStatement, page: PrintedStatement) -> Iterator[AnyAmount]:
    yield Amount("the opening above the lines", xml.opening_minor, amount_text(page.first[1]))
    yield Amount("the closing below the lines", xml.closing_minor, amount_text(page.last[1]))
    totals = {
        "opening": xml.opening_minor,
        "credits": xml.credit_minor,
        "debits": xml.debit_minor,
        "fees": xml.fee_minor or 0,
        "closing": xml.closing_minor,
    }
    for role, text in page.summary:
        printed = amount_text(text)
        if role == "closing":
            printed = _without(xml.currency, printed)
        yield Amount(f"the {role} of the summary", totals[role], printed)
    for line, said in zip(xml.lines, page.lines, strict=True):
        is_debit = line.amount_minor < 0
        amount, other = (said.debit, said.credit) if is_debit else (said.credit, said.debit)
        if amount_text(other):
            column = "credit" if is_debit else "debit"
            raise CheckFailed(
                f"line {line.number} has an amount in the {column} column of the page, and not in "
                "the XML"
            )
        printed = amount_text(amount)
        yield Amount(f"the amount of line {line.number}", abs(line.amount_minor), printed)
        printed = amount_text(said.balance)
        yield Amount(f"the balance of line {line.number}", line.balance_minor, printed)
        if page.has_interest_rates and line.interest_rate is not None:
            what = f"the rate of interest of line {line.number}"
            has_original = page.has_originals and line.original is not None
            after = line.original if has_original else None
            yield InterestRate(what, line.interest_rate, after, amount_text(said.text))
        if page.has_originals and line.original is not None:
            text = amount_text(said.text)
            yield OriginalAmount(f"the original amount of line {line.number}", line.original, text)
    yield from page.more


def _check_amounts(xml: AttachedStatement, language: str, amounts: Sequence[AnyAmount]) -> None:
    # The report names the first mismatch of the locale that matches most amounts.
    furthest, wrong = -1, amounts[0]
    for locale in distinct_locales(xml.currency, language):
        for place, amount in enumerate(amounts):
            if not amount.is_written_by(locale, xml.currency):
                if place > furthest:
                    furthest, wrong = place, amount
                break
        else:
            return
    raise CheckFailed(
        f"{wrong.what} is printed as {wrong.printed[:40]!r} on the page, and is "
        f"{wrong.in_xml(xml.currency)} in the XML"
    )


def _check_days(xml: AttachedStatement, language: str, page: PrintedStatement) -> None:
    days = PrintedDays(language)
    for what, day, value_date, text in (
        ("the opening", xml.first_day, None, page.first[0]),
        ("the closing", xml.last_day, None, page.last[0]),
        *(
            (
                f"line {line.number}",
                line.day,
                line.value_date if page.has_value_dates else None,
                said.day,
            )
            for line, said in zip(xml.lines, page.lines, strict=True)
        ),
    ):
        if days.key(text) not in days[day, value_date]:
            raise CheckFailed(f"{what} has another day on the page than in the XML ({day})")


def _names_account(xml: AttachedStatement, cells: Sequence[str]) -> bool:
    """Return whether a cell has the account number.

    The XML has the account's key instead when the account has no number; the cell is then empty.
    """
    number = xml.account_number or ""
    if number == xml.account_reference and "" in cells:
        return True
    return any(_prints(cell, number) for cell in cells)


def _without(currency: str, printed: str) -> str:
    if printed.startswith(f"{currency} "):
        return printed.removeprefix(f"{currency} ")
    if printed.endswith(f" {currency}"):
        return printed.removesuffix(f" {currency}")
    raise CheckFailed(f"the closing of the page's summary is not in {currency}")


def _prints(cell: str, text: str) -> bool:
    """Return whether a cell prints a text of the XML, which cuts texts at 34 or 35 characters.

    Text that is not ASCII may be printed in another order, or with U+FFFD when no font has it. A
    glyph of a letter with its vowel sign may stand for other characters elsewhere on the page, so
    of a text with such signs only the ASCII characters are compared.
    """
    printed, wanted = (_compatible(each) for each in (cell, text))
    is_cut = len(text) >= _SHORTEST_CUT_TEXT
    # Reading the attachment removes an apostrophe of the text's own.
    for candidate in (wanted, f"'{wanted}"):
        if candidate.isascii():
            if printed == candidate or (is_cut and printed.startswith(candidate[: len(wanted)])):
                return True
        elif REPLACEMENT in printed:
            return True
        else:
            has_signs = any(unicodedata.category(char).startswith("M") for char in candidate)
            in_cell, in_xml = (
                Counter(char for char in some if char.isascii() or not has_signs)
                for some in (printed, candidate)
            )
            if in_cell == in_xml or (is_cut and in_xml <= in_cell | Counter("'")):
                return True
    return False


def _compatible(text: str) -> str:
    """Return a text without blanks, and with one form for characters that share a glyph."""
    return unicodedata.normalize("NFKC", plain(text)).replace(" ", "")
