"""Statements a second a core: the renderer beside WeasyPrint used naively, on the same pages."""

import random
import time
from datetime import date, timedelta

from weasyprint import HTML

from benchmarks.timing import Results, Timed, alternate
from closebook.statements import render as rendering
from closebook.statements.model import Holder, Issuer, Statement, StatementLine
from local import REPOSITORY

LINES = 30
SEED = 7


def measure(results: Results, document_count: int = 10) -> None:
    """Render the same statements both ways, by CPU time of this one process."""
    statements = [_statement(number) for number in range(document_count)]
    style = (REPOSITORY / "templates/statement/v1/statement.css").read_text(encoding="utf-8")
    pages = [f"<style>{style}</style>{rendering.page(statement)}" for statement in statements]
    cpu: dict[str, list[float]] = {}

    def ours() -> None:
        began = time.process_time()
        for statement in statements:
            rendering.render(statement)
        cpu.setdefault("closebook, tagged", []).append(time.process_time() - began)

    def naive() -> None:
        began = time.process_time()
        for page in pages:
            HTML(string=page).write_pdf(pdf_variant="pdf/ua-1")
        cpu.setdefault("naive write_pdf, tagged", []).append(time.process_time() - began)

    alternate({"closebook, tagged": ours, "naive write_pdf, tagged": naive}, rounds=5)
    timed = {
        name: Timed(name, tuple(taken / document_count for taken in seconds[1:]))
        for name, seconds in cpu.items()
    }
    results.report(
        "Statements",
        timed,
        "closebook, tagged",
        lines_of_a_statement=LINES,
        statements_a_second_a_core=round(1 / timed["closebook, tagged"].median_seconds, 2),
    )


def _statement(number: int) -> Statement:
    chance = random.Random(SEED + number)  # noqa: S311  # sample data, no secret
    first = date(2026, 10, 1)
    opening_minor = balance_minor = 125_000
    lines = []
    for line_number in range(1, LINES + 1):
        amount_minor = chance.choice([-1, -1, 1]) * chance.randrange(100, 90_000)
        balance_minor += amount_minor
        lines.append(
            StatementLine(
                line_number=line_number,
                entry_id=number * LINES + line_number,
                posted_on=first + timedelta(days=line_number - 1),
                description=chance.choice(["Card payment", "Refund", "Top-up by card"]),
                reference=str(chance.randrange(10**8)),
                counterparty=chance.choice(["Alder & Finch", "Northline Rail", "Harbour Books"]),
                kind="payment",
                amount_minor=amount_minor,
                balance_minor=balance_minor,
            )
        )
    return Statement(
        close_id=1,
        account_id=number,
        version=1,
        currency="EUR",
        period_start=first,
        period_end_inclusive=date(2026, 10, 31),
        time_zone="America/New_York",
        holder=Holder("Eleanor Whitfield", "27 Lansdowne Crescent\nBath", "GB29 NWBK", "en_GB"),
        issuer=Issuer("Closebook Sample Payments", "1 Ledger Lane"),
        opening_minor=opening_minor,
        closing_minor=balance_minor,
        lines=tuple(lines),
    )
