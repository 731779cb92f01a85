"""Statements per second and core: Closebook, plain WeasyPrint, and other PDF libraries.

All write the same 30 lines on A4, with a letterhead and a summary; some draw a chart. Only
Closebook writes a tagged PDF/A-3a with the XML and the CSV attached.
"""

import os
import random
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from weasyprint import HTML

from benchmarks import statement_peers as peers
from benchmarks.timing import Results, Timed, alternate
from closebook.statements.model import Holder, Issuer, Statement, StatementLine
from closebook.statements.render.balance_chart import balance_chart_svg, daily_balances
from closebook.statements.render.brand_style import with_values
from closebook.statements.render.document import render
from closebook.statements.render.template import statement_template
from closebook.statements.render.view_model import CHART_SOURCE, statement_view
from closebook.statements.stamp.stamped_renderer import StampedRenderer
from local import REPOSITORY
from local.processes import cpu_seconds, peak_memory_kb

LINES = 30
SEED = 7
OURS = "closebook: tagged, PDF/A-3a, attachments"
STAMPED = "closebook, stamped: the same pages"
STAMPED_AGAIN = "closebook, stamped: texts that were shaped before"
NAIVE = "naive write_pdf, tagged"


def measure(results: Results, document_count: int, long_count: int) -> None:
    """Render the same statements each way, by CPU time of this process and its children; and one
    of ``long_count`` lines in a process of its own, by its CPU time and its peak of memory."""
    statements = [_statement(number, LINES) for number in range(document_count)]
    pages = [_page(statement) for statement in statements]
    renderer = StampedRenderer.of_settings()
    renderer.prepare([], again=statements)
    # Each round has statements with texts of their own; the first round is not counted.
    unseen = iter(
        [
            [_statement(number + document_count * part, LINES) for number in range(document_count)]
            for part in range(1, results.rounds() + 2)
        ]
    )
    ways: dict[str, Callable[[], None]] = {
        OURS: lambda: _each(render, statements),
        STAMPED: lambda: _each(renderer.stamp, next(unseen)),
        STAMPED_AGAIN: lambda: _each(renderer.stamp, statements),
        NAIVE: lambda: _each(_naive, pages),
        "headless Chromium, tagged": lambda: peers.chromium_pdfs(pages),
        "typst": lambda: _each(peers.typst_pdf, statements),
        "reportlab": lambda: _each(peers.reportlab_pdf, statements),
    }
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    alternate({name: _timed(way, cpu[name]) for name, way in ways.items()}, results.rounds())
    timed = {
        name: Timed(name, tuple(taken / document_count for taken in seconds[1:]))
        for name, seconds in cpu.items()
    }
    results.report(
        "Statements",
        timed,
        OURS,
        lines_of_a_statement=LINES,
        statements_a_second_a_core=round(1 / timed[OURS].median_seconds, 2),
        stamped_a_second_a_core=round(1 / timed[STAMPED].median_seconds, 1),
        stamped_again_a_second_a_core=round(1 / timed[STAMPED_AGAIN].median_seconds, 1),
        **{
            f"{name}_over_stamped": round(
                timed[way].median_seconds / timed[STAMPED].median_seconds, 1
            )
            for name, way in (("closebook", OURS), ("typst", "typst"), ("reportlab", "reportlab"))
        },
        naive_over_closebook=round(timed[NAIVE].median_seconds / timed[OURS].median_seconds, 2),
        **_long_account(long_count),
    )


def _long_account(count: int) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.statements", str(count)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    cpu_seconds, peak_mb = map(float, ran.stdout.split())
    return {
        "lines_of_a_long_account": count,
        "long_account_cpu_seconds": round(cpu_seconds, 1),
        "long_account_peak_mb": round(peak_mb),
    }


def _each(make: Callable[[Any], object], items: Sequence[object]) -> None:
    for item in items:
        make(item)


def _timed(way: Callable[[], None], seconds: list[float]) -> Callable[[], None]:
    def run() -> None:
        began = cpu_seconds(os.getpid())
        way()
        seconds.append(cpu_seconds(os.getpid()) - began)

    return run


def _naive(page: str) -> bytes:
    pdf: bytes = HTML(string=page).write_pdf(pdf_variant="pdf/ua-1")
    return pdf


def _page(statement: Statement) -> str:
    """The statement's page as one would write it without ado: style and chart are in it."""
    template = statement_template()
    view = statement_view(statement, template)
    page = template.statement_page(view.variables, view.lines, (), is_first=True, is_last=True)
    chart = b64encode(balance_chart_svg(daily_balances(statement), template.brand.colours)).decode()
    sheet = (REPOSITORY / "templates/statement/v1/statement.css").read_text(encoding="utf-8")
    style = with_values(sheet, template.brand, "statement.css")
    return page.replace(CHART_SOURCE, f"data:image/svg+xml;base64,{chart}").replace(
        "</head>", f"<style>{style}</style></head>"
    )


def _statement(number: int, line_count: int) -> Statement:
    chance = random.Random(SEED + number)  # noqa: S311  # sample data, no secret
    first = date(2026, 10, 1)
    opening_minor = balance_minor = 125_000
    lines = []
    for line_number in range(1, line_count + 1):
        amount_minor = chance.choice([-1, -1, 1]) * chance.randrange(100, 90_000)
        balance_minor += amount_minor
        lines.append(
            StatementLine(
                line_number=line_number,
                entry_id=number * line_count + line_number,
                posted_on=first + timedelta(days=(line_number - 1) * 30 // line_count),
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


if __name__ == "__main__":
    render(_statement(0, int(sys.argv[1])))
    print(cpu_seconds(os.getpid()), peak_memory_kb() / 1024)  # noqa: T201  # for the parent
