"""What tests of exceptions share: what a close left out, and an amount of which bigint has one."""

from tests.books import Books

NINE_QUINTILLION = 9 * 10**18


def exceptions_of(books: Books, close_id: int) -> list[tuple[str, str, str, int, int]]:
    """What a close left out: subject, currency, reason, rows, minor units."""
    rows = books.rows(
        "select subject, currency, reason, row_count, amount_minor"
        " from reporting.close_exceptions where close_id = %s"
        " order by measure desc, subject, currency",
        close_id,
    )
    return [
        (r["subject"], r["currency"], r["reason"], r["row_count"], int(r["amount_minor"]))
        for r in rows
    ]
