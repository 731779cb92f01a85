"""The page prints the whole statement, each text and amount in its place."""

import re
from dataclasses import replace

import pytest

from closebook.statements.model import Statement
from closebook.statements.verify.page_tables import read_tables
from closebook.statements.verify.untrusted_pdf import UntrustedPdf
from tests.statements.rendered_pdf import pages, placed_words, printed_amount, rendered, squeezed
from tests.statements.samples import HOLDER, corrected, entry, many, of, statement

HEADS = ("Date", "Description", "Counterparty", "Reference", "Debit", "Credit", "Balance")


@pytest.fixture(scope="module")
def long() -> tuple[Statement, list[str]]:
    made = many(70)
    return made, pages(made)


def test_every_line_is_printed_with_its_amount_and_balance(
    long: tuple[Statement, list[str]],
) -> None:
    made, printed = long
    rows = "\n".join(printed).splitlines()
    for line in made.lines:
        (row,) = [row for row in rows if line.reference in row]
        amount = printed_amount(abs(line.amount_minor))
        balance = printed_amount(line.balance_minor)
        assert re.search(rf"{line.reference}\s+{amount}\s+{balance}$", row)
        assert f"{line.posted_on.day} Oct 2026" in row


def test_debits_and_credits_stand_in_their_own_columns(long: tuple[Statement, list[str]]) -> None:
    made, printed = long
    for page in printed:
        rows = page.splitlines()
        head = next(row for row in rows if "Debit" in row and "Credit" in row)
        end_of_debit = head.index("Debit") + len("Debit") + 3
        for line in made.lines:
            for row in rows:
                if line.reference in row:
                    amount = printed_amount(abs(line.amount_minor))
                    end = row.index(amount, row.index(line.reference)) + len(amount)
                    assert (end <= end_of_debit) == (line.amount_minor < 0)


def test_every_page_has_the_column_heads_the_account_and_the_page_number(
    long: tuple[Statement, list[str]],
) -> None:
    _, printed = long
    assert len(printed) > 2
    for number, page in enumerate(printed, start=1):
        assert f"Page {number} of {len(printed)}" in page
        assert re.search(r"\s+".join(HEADS), page)
        assert f"Account {HOLDER.account_number}" in page


def test_the_totals_stand_in_the_summary_and_the_closing_row(
    long: tuple[Statement, list[str]],
) -> None:
    made, printed = long
    first, last = printed[0], printed[-1]
    for label, value in (
        ("Opening balance", made.opening_minor),
        (r"Credits \d+", made.credit_minor),
        (r"Debits \d+", made.debit_minor),
        ("of which fees", made.fee_minor),
    ):
        assert re.search(rf"{label}\s+{printed_amount(value)}", first)
    closing = printed_amount(made.closing_minor)
    assert re.search(rf"Closing balance\s+EUR.{closing}", first)
    assert re.search(rf"31 Oct 2026\s+Closing balance\s+{closing}", last)


@pytest.mark.parametrize("rows_before", range(6, 14))
def test_a_wrapped_row_is_never_split_over_two_pages(rows_before: int) -> None:
    words = [f"word{number:02d}" for number in range(40)]
    made = statement(*(entry(100) for _ in range(rows_before)), entry(-1, " ".join(words)))
    homes = {n for n, page in enumerate(pages(made)) for word in words if word in page}
    assert len(homes) == 1


def test_a_row_taller_than_a_page_loses_no_word() -> None:
    words = [f"word{number:04d}" for number in range(900)]
    printed = "\n".join(pages(statement(entry(-1, " ".join(words)))))
    assert [word for word in words if word not in printed] == []


def test_a_statement_without_movements_says_so() -> None:
    (page,) = pages(statement(opening_minor=12_345))
    assert "There were no movements in this period." in page
    assert "No fees were charged in this period." in page
    assert len(re.findall(r"123\.45", page)) >= 4


def test_a_negative_balance_has_a_minus_sign() -> None:
    (page,) = pages(statement(entry(-150_000)))
    assert re.search(r"T480001\s+1,500\.00\s+-500\.00", page)
    assert re.search(r"Closing balance\s+EUR.-500\.00", page)


@pytest.mark.parametrize(
    ("currency", "amount", "balance"), [("JPY", "1,234", "101,234"), ("KWD", "1.234", "101.234")]
)
def test_amounts_have_the_decimals_of_the_currency(
    currency: str, amount: str, balance: str
) -> None:
    (page,) = pages(statement(entry(1234), currency=currency))
    assert re.search(rf"T480001\s+{amount}\s+{balance}$", page, re.MULTILINE)


def test_numbers_follow_the_locale_of_the_holder() -> None:
    (page,) = pages(statement(entry(-234_567), holder=replace(HOLDER, locale="de_DE")))
    assert re.search(r"T480001\s+2\.345,67\s+-1\.345,67", page)


@pytest.mark.parametrize(
    ("currency", "largest_minor", "written"),
    [
        ("EUR", 99_999_999_999, "999,999,999.99"),
        ("EUR", 8_888_888_888_888, "88,888,888,888.88"),
        ("JPY", 88_888_888_888, "88,888,888,888"),
        ("KWD", 888_888_888_888, "888,888,888.888"),
        ("KWD", 88_888_888_888, "88,888,888.888"),
    ],
)
def test_an_amount_never_wraps(currency: str, largest_minor: int, written: str) -> None:
    made = statement(
        entry(largest_minor), entry(-largest_minor), opening_minor=0, currency=currency
    )
    (page,) = pages(made)
    assert re.search(rf"T480001\s+{written}\s+{written}$", page, re.MULTILINE)
    assert re.search(rf"T480002\s+{written}\s+0", page)


def test_the_largest_amounts_stay_in_their_columns() -> None:
    made = statement(entry(3 * 10**17), entry(-6 * 10**17), opening_minor=0)
    (page,) = pages(made)
    assert re.search(
        r"T480002\s+6,000,000,000,000,000\.00\s+-3,000,000,000,000,000\.00$", page, re.MULTILINE
    )


def test_a_corrected_statement_says_what_it_replaces_and_why() -> None:
    [page] = pages(corrected(statement(entry(100)), "a refund\ncame <b>late</b>"))
    assert "This corrected statement replaces version 1, issued on 2 November 2026." in page
    assert "Reason: a refund" in page
    assert "came <b>late</b>" in page
    assert re.search(r"Version\s+2$", page, re.MULTILINE)


def test_a_standard_reason_is_printed_in_the_language_of_the_holder_and_the_text_below_it() -> None:
    german = statement(entry(100), holder=of("de_DE"))
    [page] = pages(corrected(german, "Ein Entgelt vom 30.10.", reason="fees_corrected"))
    assert "Grund: Entgelte dieses Zeitraums wurden berichtigt." in page
    assert "Ein Entgelt vom 30.10." in page


def test_a_correction_without_a_reason_for_the_holder_prints_none() -> None:
    [page] = pages(corrected(statement(entry(100)), None))
    assert "replaces version 1" in page
    assert "Reason" not in page


def test_a_first_version_replaces_nothing() -> None:
    [page] = pages(statement(entry(100)))
    assert "replaces" not in page


@pytest.mark.parametrize("locale", ["en_GB", "ar_EG"])
@pytest.mark.parametrize("counterparty", ["Evil Ltd", None])
@pytest.mark.parametrize("between", [" · ", "\N{NO-BREAK SPACE}" * 60, "\n", "\t|\t", " " * 60])
def test_a_description_cannot_look_like_a_counterparty(
    locale: str, counterparty: str | None, between: str
) -> None:
    imitation = f"Refund{between}Your Bank"
    made = statement(
        entry(-5, imitation, counterparty=counterparty),
        entry(-5, "Reversal", counterparty="Your Bank"),
        holder=of(locale),
    )
    # A screen reader finds a cell for each, below its own column head
    (*_, table) = read_tables(UntrustedPdf(rendered(made).pdf)).tables
    _, description, party, *_ = (plain(cell) for cell in table.rows[1])
    assert squeezed(description) == squeezed(imitation)
    assert party == (counterparty or "")
    assert [plain(cell) for cell in table.rows[2][1:3]] == ["Reversal", "Your Bank"]
    # On the page nothing else stands in the counterparty's column, wherever text is wrapped
    words = placed_words(made)
    (top,) = [word.top for word in words if word.text == "Refund"]
    (next_top,) = [word.top for word in words if word.text == "Reversal"]
    column = [word for word in words if word.top == next_top and word.text in ("Your", "Bank")]
    left, right = min(word.left for word in column), max(word.right for word in column)
    seen = {
        word.text
        for word in words
        if top <= word.top < next_top and word.left < right and word.right > left
    }
    assert len(column) == 2
    assert seen == {*(counterparty or "").split()}


def plain(cell: str) -> str:
    """The text of a cell without its marks of direction, and with plain spaces."""
    return cell.translate({0x200E: None, 0x200F: None, 0xA0: " "})
