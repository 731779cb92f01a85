"""`python -m local.gallery`: the same statements in each brand of docs/brands, as PDF and as PNG.

It needs no servers. The files are in .local/gallery, and all first pages are in overview.html.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from html import escape
from pathlib import Path

from closebook.statements.model import Correction, Holder, Issuer, Statement, StatementLine
from closebook.statements.render.document import render
from closebook.statements.render.template import statement_template
from local import REPOSITORY

BRANDS = REPOSITORY / "docs" / "brands"
FOLDER = REPOSITORY / ".local" / "gallery"
DPI = 110
OURS = "closebook"

_FIRST_DAY, _LAST_DAY = date(2026, 10, 1), date(2026, 10, 31)
_ENGLISH = Holder(
    "Eleanor Whitfield", "27 Lansdowne Crescent\nBath BA1 5EX", "GB29 NWBK 6016 1331 9268", "en_GB"
)
_AMERICAN = Holder(
    "Theo Marsh", "410 Cedar Avenue, Apt 5\nDuluth, MN 55802", "7702 4418 0193", "en_US"
)
_GERMAN = Holder(
    "Jürgen Weiß", "Lange Straße 7\n20095 Hamburg", "DE89 3704 0044 0532 0130 00", "de_DE"
)
_ARABIC = Holder("فاطمة الزهراء حسن", "١٢ شارع النيل\nالقاهرة", "EG38 0019 0005 0000", "ar_EG")
_LINES = (
    ("Salary October", "Pemberton Works Ltd", 284_150, "transfer"),
    ("Rent", "Crescent Lettings", -98_000, "transfer"),
    ("Card payment", "Green & Co Grocers", -4_318, "payment"),
    ("Card payment", "Millstone Bakery", -760, "payment"),
    ("Account fee", None, -450, "fee"),
    ("Refund", "Oakleaf Books", 1_899, "payment"),
)


def samples(issuer_name: str) -> dict[str, Statement]:
    """Return the statements of the gallery, by the name of their files."""
    made = {
        "english": _statement(_ENGLISH, "GBP", 18),
        "american": _statement(_AMERICAN, "USD", 41),
        "german-corrected": _statement(_GERMAN, "EUR", 3, is_corrected=True),
        "arabic": _statement(_ARABIC, "EGP", 5),
        "no-lines": _statement(_ENGLISH, "GBP", 0),
        "long": _statement(_ENGLISH, "GBP", 1000),
    }
    issuer = Issuer(issuer_name, "14 Harbour Row\nDublin 2\nIreland")
    return {kind: replace(each, issuer=issuer) for kind, each in made.items()}


def brands() -> dict[str, Path | None]:
    """Return the folders of the brands, by name. Closebook's own has none."""
    folders = sorted(path.parent for path in BRANDS.glob("*/brand.toml"))
    return {OURS: None} | {folder.name: folder for folder in folders}


@contextmanager
def in_brand(folder: Path | None) -> Iterator[None]:
    """Set the brand, so that what renders inside this block uses it."""
    before = os.environ.pop("CLOSEBOOK_BRAND", None)
    if folder is not None:
        os.environ["CLOSEBOOK_BRAND"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("CLOSEBOOK_BRAND", None)
        if before is not None:
            os.environ["CLOSEBOOK_BRAND"] = before


def main() -> int:
    """Make the gallery; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.gallery", description=__doc__)
    parser.add_argument("brands", nargs="*", help="names of brands; without one, all of them")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder of the files")
    arguments = parser.parse_args()
    chosen, into = set(arguments.brands), arguments.into
    into.mkdir(parents=True, exist_ok=True)
    pictures: list[Path] = []
    for name, folder in brands().items():
        if chosen and name not in chosen:
            continue
        with in_brand(folder):
            template = statement_template()
            for warning in template.warnings:
                sys.stdout.write(f"{name}: {warning}\n")
            for kind, statement in samples(template.brand.name).items():
                pdf = into / f"{name}-{kind}.pdf"
                pdf.write_bytes(render(statement).pdf)
                pictures.append(_picture(pdf))
                sys.stdout.write(f"{pdf} {pdf.stat().st_size // 1024} KB\n")
    page = into / "overview.html"
    page.write_text(_overview(pictures), encoding="utf-8")
    sys.stdout.write(f"{len(pictures)} first pages are in {page}\n")
    return 0


def _picture(pdf: Path) -> Path:
    """Write the first page of a PDF as a PNG of the same name."""
    target = pdf.with_suffix("")
    command = ["pdftoppm", "-r", str(DPI), "-png", "-f", "1", "-singlefile", str(pdf), str(target)]
    subprocess.run(command, check=True)
    return target.with_suffix(".png")


def _overview(pictures: list[Path]) -> str:
    figures = "".join(
        f'<figure><a href="{escape(each.stem)}.pdf"><img src="{escape(each.name)}" width="420" '
        f'alt=""></a><figcaption>{escape(each.stem)}</figcaption></figure>'
        for each in pictures
    )
    return (
        '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Brands</title><style>'
        "body{display:flex;flex-wrap:wrap;gap:16px;background:#ddd;font:14px sans-serif}"
        f"figure{{margin:0}}img{{background:#fff;display:block}}</style>{figures}</html>"
    )


def _statement(
    holder: Holder, currency: str, count: int, *, is_corrected: bool = False
) -> Statement:
    opening_minor = balance_minor = 152_340
    lines = []
    for number in range(1, count + 1):
        description, counterparty, amount_minor, kind = _LINES[(number - 1) % len(_LINES)]
        amount_minor += 13 * (number - 1)
        balance_minor += amount_minor
        posted_on = _FIRST_DAY + timedelta(days=(number - 1) * 30 // count)
        lines.append(
            StatementLine(
                line_number=number,
                entry_id=number,
                posted_on=posted_on,
                description=description,
                reference=f"T{480_000 + number}",
                counterparty=counterparty,
                kind=kind,
                amount_minor=amount_minor,
                balance_minor=balance_minor,
            )
        )
    return Statement(
        close_id=42,
        account_id=77,
        version=2 if is_corrected else 1,
        currency=currency,
        period_start=_FIRST_DAY,
        period_end_inclusive=_LAST_DAY,
        time_zone="Europe/London",
        holder=holder,
        issuer=Issuer("Northgate Payments", "14 Harbour Row\nDublin 2\nIreland"),
        opening_minor=opening_minor,
        closing_minor=balance_minor,
        lines=tuple(lines),
        issued_on=date(2026, 11, 2),
        corrects=Correction(1, date(2026, 11, 2), "entries_posted_late", None)
        if is_corrected
        else None,
    )


if __name__ == "__main__":
    sys.exit(main())
