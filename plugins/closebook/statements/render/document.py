"""Render a statement to a PDF that conforms to PDF/A-3a and PDF/UA-1, with its attachments."""

import gc
import logging
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from hashlib import sha256
from io import BytesIO

from closebook.keys import label
from closebook.settings.statement_settings import camt053_version, statement_files
from closebook.statements.formats import mt940, ofx
from closebook.statements.formats.camt053 import Form, camt053
from closebook.statements.formats.statement_csv import statement_csv
from closebook.statements.model import Holder, Issuer, Statement, StatementLine
from closebook.statements.pdf.assembler import PdfAssembler
from closebook.statements.pdf.attachment import Attachment
from closebook.statements.pdf.xmp import CONFORMANCE, DocumentMetadata
from closebook.statements.printable import printable
from closebook.statements.render.balance_chart import balance_chart_svg, daily_balances
from closebook.statements.render.brand import Brand
from closebook.statements.render.catalog import TEMPLATE_VERSION
from closebook.statements.render.fingerprint import RendererFingerprint, fingerprint_of
from closebook.statements.render.pagination import add_statement_pages
from closebook.statements.render.template import (
    StatementTemplate,
    statement_template,
)
from closebook.statements.render.view_model import CHART_SOURCE, StatementView, statement_view
from closebook.statements.weasyprint_adapter.page_files import PageFile

logger = logging.getLogger(__name__)

_IDENTIFIER_DIGITS = 32
_BRAND_DIGITS = 16


@dataclass(frozen=True, slots=True)
class RenderedStatement:
    """A statement's PDF and the files that are attached to it.

    ``replaced_count`` is the number of characters that the page shows as U+FFFD, since no font has
    a glyph for them. ``missing_language`` is the holder's language if there are no texts of it: the
    page is in English then. ``outside_reason`` is why the second renderer left the document to the
    first (closebook/statements/stamp/outside_layout.py).
    """

    pdf: bytes
    attachments: tuple[Attachment, ...]
    renderer: RendererFingerprint
    conformance: str
    replaced_count: int
    missing_language: str | None = None
    outside_reason: str | None = None


def render(statement: Statement) -> RenderedStatement:
    """Return the statement as a tagged PDF with its attachments. Equal statements give equal bytes.

    Raises WrongData, with the account, when the page asks for anything but its own assets. Raises
    Misconfigured when templates or fonts are missing, or when the installed WeasyPrint is not
    supported.
    """
    template = statement_template()
    statement = as_numbered(statement, template.brand)
    view = statement_view(statement, template)
    output = BytesIO()
    assembler = PdfAssembler(output)
    assets = assets_of(statement, template)
    with template.layout.forbid_fetching(f"the statement of account {label(statement.account_id)}"):
        add_statement_pages(assembler, view, template, assets)
    attachments = attachments_of(statement, template.brand)
    assembler.finish(metadata_of(statement, view, template), attachments, identifier_of(statement))
    if view.replaced_count:
        logger.warning(
            "the statement of account %s shows %d characters as U+FFFD: no font of the template "
            "has them",
            label(statement.account_id),
            view.replaced_count,
        )
    _freeze_loaded_objects()
    return RenderedStatement(
        output.getvalue(),
        attachments,
        fingerprint_of(template),
        CONFORMANCE,
        view.replaced_count,
        view.missing_language,
    )


def as_numbered(statement: Statement, brand: Brand) -> Statement:
    """Return the statement without its number, if the brand prints none.

    So the page and the attachments have the same number, or both have none.
    """
    return statement if brand.content.statement_number else replace(statement, number=None)


def assets_of(statement: Statement, template: StatementTemplate) -> dict[str, PageFile]:
    """Return the pictures of a statement's page by their addresses."""
    chart = balance_chart_svg(daily_balances(statement), template.brand.colours)
    return {**template.brand.assets, CHART_SOURCE: PageFile(chart, "image/svg+xml")}


def warm_up() -> None:
    """Load what every document needs, so that processes forked from this one have it.

    Raises Misconfigured as ``render`` does.
    """
    day = date(2000, 1, 1)
    line = StatementLine(1, 1, day, "\N{EM DASH}", "1", None, "warm-up", 1, 1)
    holder, issuer = Holder("Nobody", "", "1", "en"), Issuer("Nobody", "")
    render(Statement(1, 1, 1, "EUR", day, day, "UTC", holder, issuer, 0, 1, (line,)))


@lru_cache(maxsize=1)
def _freeze_loaded_objects() -> None:
    """Exclude what the first document has loaded from all later garbage collections."""
    gc.collect()
    gc.freeze()


def attachments_of(statement: Statement, brand: Brand) -> tuple[Attachment, ...]:
    """Return the files with the same content as the page, which are attached to it."""
    version, wanted = camt053_version(), statement_files()
    others = (
        ("mt940", mt940.FILE_NAME, mt940.MEDIA_TYPE, "MT940", mt940.mt940),
        ("ofx", ofx.FILE_NAME, ofx.MEDIA_TYPE, "OFX 2.2", ofx.ofx),
    )
    return (
        Attachment(
            "statement.csv", "text/csv", "The same statement as CSV", statement_csv(statement)
        ),
        Attachment(
            "statement.xml",
            "application/xml",
            f"The same statement as ISO 20022 camt.053.001.{version}",
            camt053(statement, Form(version, brand.content.transaction_codes)),
        ),
        *(
            Attachment(name, media_type, f"The same statement as {form}", written(statement))
            for file, name, media_type, form, written in others
            if file in wanted
        ),
    )


def metadata_of(
    statement: Statement,
    view: StatementView,
    template: StatementTemplate,
    producer: str | None = None,
) -> DocumentMetadata:
    """Return the metadata of a statement's file. ``producer`` is by default the first renderer."""
    return DocumentMetadata(
        title=view.title,
        author=printable(statement.issuer.name),
        language=view.language,
        creator=_creator(template.brand),
        producer=producer or fingerprint_of(template).renderer_version,
        made_at=statement.made_at,
    )


def _creator(brand: Brand) -> str:
    """Return the creator for the metadata: version and brand. Another brand gives other bytes."""
    program = f"Closebook, statement {TEMPLATE_VERSION}"
    if brand.sha256 is None:
        return program
    return f"{program}, brand {printable(brand.name)} {brand.sha256[:_BRAND_DIGITS]}"


def identifier_of(statement: Statement) -> bytes:
    """Return the first identifier of the PDF: the same for the same version of a statement."""
    identity = (
        statement.close_id,
        statement.account_id,
        statement.version,
        statement.currency,
        statement.period_start,
        statement.period_end_inclusive,
    )
    return sha256("/".join(map(str, identity)).encode()).hexdigest()[:_IDENTIFIER_DIGITS].encode()
