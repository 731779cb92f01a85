"""Read the statements that a close has frozen in the reporting store."""

from datetime import date, datetime

from psycopg.rows import DictRow

from closebook.errors import WrongData
from closebook.keys import Key, reference
from closebook.periods import Period, day_containing
from closebook.settings import Settings
from closebook.sql import query
from closebook.statements.model import (
    Correction,
    Holder,
    Issuer,
    Original,
    Statement,
    StatementLine,
)
from closebook.store.session import Store


def read_closed_month(store: Store, close_id: int) -> Period:
    """Return the month with the bounds and the time zone that it was closed with.

    The business time zone may have changed since. Raises WrongData when the store has no such
    close.
    """
    row = store.execute(query("closes/period"), {"close_id": close_id}).fetchone()
    if row is None:
        raise WrongData(
            "CB-DATA-CLOSE-UNKNOWN",
            f"close {close_id} is not in this reporting store: close the month again",
        )
    return Period.from_register(row)


def read_statement(store: Store, settings: Settings, month: Period, row: DictRow) -> Statement:
    """Return one statement, built from its frozen lines.

    ``row`` is a row of statement_documents/of_shard. Raises WrongData when the statement does not
    tie out.
    """
    lines = store.execute(
        query("statement_lines/of_statement"),
        {
            "close_id": row["issued_close_id"],
            "account_id": row["account_id"],
            "currency": row["currency"],
        },
    ).fetchall()
    return Statement(
        close_id=row["issued_close_id"],
        account_id=row["account_id"],
        version=row["statement_version"],
        number=row["statement_number"],
        is_one_of_several=row["is_one_of_several"],
        issued_on=row["issued_on"] or _day_of(row["issued_at"], month),
        issued_at=row["issued_at"],
        bounds=(month.start, month.end),
        corrects=_correction(row, month),
        currency=row["currency"],
        period_start=month.first_date,
        period_end_inclusive=month.last_date,
        time_zone=month.time_zone,
        holder=Holder(
            name=row["holder_name"],
            address=row["holder_address"],
            account_number=row["account_number"],
            locale=row["locale_code"],
        ),
        issuer=Issuer(
            settings.issuer_name,
            settings.issuer_address,
            settings.issuer_bic,
            settings.issuer_lei,
        ),
        opening_minor=row["opening_minor"],
        closing_minor=row["closing_minor"],
        overdraft_limit_minor=row["overdraft_limit_minor"],
        lines=tuple(
            StatementLine(
                line_number=line["line_number"],
                entry_id=line["entry_id"],
                posted_on=line["posted_on"] or _day_of(line["posted_at"], month),
                description=line["description"],
                # A transaction and an entry may have the same number, so the two are not mixed.
                reference=reference(line["entry_id"]),  # guard: documents.unique-reference
                transaction_reference=_reference_of(line["transaction_id"]),
                counterparty=line["counterparty"],
                kind=line["kind"],
                amount_minor=line["amount_minor"],
                balance_minor=line["balance_minor"],
                value_date=line["value_date"],
                original=_original(line),
                counterparty_account=line["counterparty_account"],
                customer_reference=line["customer_reference"],
                interest_rate=line["interest_rate"],
            )
            for line in lines
        ),
    )


def _day_of(instant: datetime, month: Period) -> date:
    """Return the business day by today's rules, for closes that were written without one."""
    return day_containing(instant, month.time_zone).first_date


def _reference_of(key: Key | None) -> str | None:
    return None if key is None else reference(key)


def _original(line: DictRow) -> Original | None:
    if line["original_currency"] is None:
        return None
    return Original(line["original_amount_minor"], line["original_currency"], line["exchange_rate"])


def _correction(row: DictRow, month: Period) -> Correction | None:
    if row["superseded_at"] is None:
        return None
    return Correction(
        superseded_version=row["statement_version"] - 1,
        superseded_issued_on=row["superseded_on"] or _day_of(row["superseded_at"], month),
        holder_reason=row["holder_reason"],
        holder_text=row["holder_text"],
    )
