"""From a statement to its file: pages bound as PDF/A-3a and PDF/UA-1, the twins inside."""

import logging
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from io import BytesIO

from closebook.statements.formats.camt053 import camt053
from closebook.statements.formats.statement_csv import statement_csv
from closebook.statements.model import Holder, Issuer, Statement, StatementLine
from closebook.statements.pdf.assembler import Binding
from closebook.statements.pdf.xmp import CONFORMANCE, Attachment, Metadata
from closebook.statements.render import pagination
from closebook.statements.render.balance_chart import daily_balances, draw
from closebook.statements.render.fingerprint import Renderer, renderer_of
from closebook.statements.render.sanitize import printable
from closebook.statements.render.view_model import CHART_SOURCE, View, view
from closebook.statements.weasyprint_adapter.layout import (
    TEMPLATE_VERSION,
    Press,
    freeze_what_stays,
    press,
)

logger = logging.getLogger(__name__)

_IDENTIFIER_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Rendered:
    """A statement's file. ``replaced_count`` characters of it had no picture in any font."""

    pdf: bytes
    twins: tuple[Attachment, ...]
    renderer: Renderer
    conformance: str
    replaced_count: int


def render(statement: Statement) -> Rendered:
    """The statement as a tagged file for the archive, with its twins: equal statements give equal
    bytes.

    Raises WrongData, naming the account, when the page asks for anything but its own assets,
    and Misconfigured when the templates or the fonts are not where they should be.
    """
    using = press()
    seen = view(statement, using)
    output = BytesIO()
    binding = Binding(output)
    assets = {CHART_SOURCE: draw(daily_balances(statement))}
    with using.only_assets(f"the statement of account {statement.account_id}"):
        pagination.bind(binding, seen, using, assets)
    twins = _twins(statement)
    binding.finish(_metadata(statement, seen, using), twins, _identifier(statement))
    if seen.replaced_count:
        logger.warning(
            "the statement of account %d shows %d characters as U+FFFD: no font of the template "
            "has them",
            statement.account_id,
            seen.replaced_count,
        )
    freeze_what_stays()
    return Rendered(output.getvalue(), twins, renderer_of(using), CONFORMANCE, seen.replaced_count)


def warm_up() -> None:
    """Load what every document needs, so that processes forked from this one need not.

    Raises Misconfigured when the templates or the fonts are not where they should be.
    """
    day = date(2000, 1, 1)
    line = StatementLine(1, 1, day, "\N{EM DASH}", "1", None, "warm-up", 1, 1)
    holder, issuer = Holder("Nobody", "", "1", "en"), Issuer("Nobody", "")
    render(Statement(1, 1, 1, "EUR", day, day, "UTC", holder, issuer, 0, 1, (line,)))


def _twins(statement: Statement) -> tuple[Attachment, ...]:
    return (
        Attachment(
            "statement.csv", "text/csv", "The same statement as CSV", statement_csv(statement)
        ),
        Attachment(
            "statement.xml",
            "application/xml",
            "The same statement as ISO 20022 camt.053.001.08",
            camt053(statement),
        ),
    )


def _metadata(statement: Statement, seen: View, using: Press) -> Metadata:
    return Metadata(
        title=seen.title,
        author=printable(statement.issuer.name),
        language=seen.language,
        creator=f"Closebook, statement {TEMPLATE_VERSION}",
        producer=renderer_of(using).renderer_version,
        day=statement.issued_on or statement.period_end_inclusive,
    )


def _identifier(statement: Statement) -> bytes:
    named = (
        statement.close_id,
        statement.account_id,
        statement.version,
        statement.currency,
        statement.period_start,
        statement.period_end_inclusive,
    )
    return sha256("/".join(map(str, named)).encode()).hexdigest()[:_IDENTIFIER_DIGITS].encode()
