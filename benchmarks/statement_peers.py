"""The same statement made with other libraries, each used in its usual way."""

import shutil
from collections.abc import Sequence
from io import BytesIO
from itertools import chain

import typst
from playwright.sync_api import sync_playwright
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from closebook.money import format_minor
from closebook.statements.model import Statement

NOTO = "/usr/share/fonts/truetype/noto"
HEAD = ("Date", "Description", "Counterparty", "Reference", "Debit", "Credit", "Balance")

_TYPST = """
#set page(paper: "a4", margin: (x: 20mm, y: 25mm), footer: context [
  #h(1fr) Page #counter(page).display() of #counter(page).final().first()
])
#set text(font: "Noto Sans", size: 8pt)
#set document(title: "Account statement")
#let data = json(bytes(sys.inputs.data))
#text(20pt)[#data.issuer]
#v(10mm)
#data.holder
= Account statement
#table(columns: (1fr, auto), ..data.summary)
== Transactions
#table(
  columns: (20mm, 1fr, 28mm, 20mm, 22mm, 22mm, 22.5mm),
  stroke: (bottom: .3pt),
  table.header(..data.head),
  ..data.cells,
)
"""


def typst_pdf(statement: Statement) -> bytes:
    """Render with Typst 0.15, which writes tagged PDF."""
    import json

    rows = _rows(statement)
    data = {
        "issuer": statement.issuer.name,
        "holder": f"{statement.holder.name}\n{statement.holder.address}",
        "summary": list(chain.from_iterable(_summary(statement))),
        "head": HEAD,
        "cells": list(chain.from_iterable(rows)),
    }
    compiled = typst.compile(  # type: ignore[misc]  # its stub leaves a type open
        _TYPST.encode(),
        font_paths=[NOTO],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data)},
    )
    assert isinstance(compiled, bytes)  # noqa: S101  # one output: bytes, not a list of pages
    return compiled


def reportlab_pdf(statement: Statement) -> bytes:
    """Render with ReportLab's flowables, without tags."""
    if "Noto" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("Noto", f"{NOTO}/NotoSans-Regular.ttf"))
    style = ParagraphStyle("body", fontName="Noto", fontSize=8)
    table = Table([HEAD, *_rows(statement)], repeatRows=1)
    lines = [
        ("FONT", (0, 0), (-1, -1), "Noto", 8),
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, "#d9d5cc"),
        ("ALIGN", (4, 0), (-1, -1), "RIGHT"),
    ]
    table.setStyle(TableStyle(lines))
    output = BytesIO()
    flow: list[Flowable] = [
        Paragraph(statement.issuer.name, style),
        Paragraph(statement.holder.name, style),
        Spacer(0, 12),
        Table(_summary(statement), style=[("FONT", (0, 0), (-1, -1), "Noto", 8)]),
        table,
    ]
    SimpleDocTemplate(output, pagesize=A4, title="Account statement").build(flow)
    return output.getvalue()


def chromium_pdfs(pages: Sequence[str]) -> None:
    """Render with one Chromium process for all statements."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        tab = browser.new_page()
        for page in pages:
            tab.set_content(page)
            tab.pdf(format="A4", tagged=True)
        browser.close()


def _rows(statement: Statement) -> list[tuple[str, ...]]:
    return [
        (
            str(line.posted_on),
            line.description,
            line.counterparty or "",
            line.reference,
            _amount(statement, -line.amount_minor) if line.amount_minor < 0 else "",
            _amount(statement, line.amount_minor) if line.amount_minor >= 0 else "",
            _amount(statement, line.balance_minor),
        )
        for line in statement.lines
    ]


def _summary(statement: Statement) -> list[tuple[str, str]]:
    return [
        ("Opening balance", _amount(statement, statement.opening_minor)),
        ("Credits", _amount(statement, statement.credit_minor)),
        ("Debits", _amount(statement, statement.debit_minor)),
        ("Closing balance", _amount(statement, statement.closing_minor)),
    ]


def _amount(statement: Statement, amount_minor: int) -> str:
    locale = statement.holder.locale
    return format_minor(amount_minor, statement.currency, locale, with_currency=False)
