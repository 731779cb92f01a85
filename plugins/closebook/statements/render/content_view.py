"""The texts of what a brand asks for beyond the page of every statement."""

from collections.abc import Iterator
from typing import Any

from closebook.money import format_minor, locale_of
from closebook.statements.model import FEE, Statement
from closebook.statements.render.catalog import Language
from closebook.statements.render.content import KIND_WORD, Content, Notice
from closebook.statements.render.sanitize import Sanitizer

_INTEREST = "interest"


def content_view(
    statement: Statement, content: Content, language: Language, sanitize: Sanitizer
) -> dict[str, Any]:
    """Return the texts by the names that the page uses; what was not asked for is empty."""
    country = locale_of(statement.holder.locale).territory or content.country
    notices = [each for each in content.notices if each.is_for(country)]
    return {
        "number": statement.number if content.statement_number else None,
        "bic": sanitize(statement.issuer.bic) if content.bic else "",
        "overdraft_limit": _overdraft_limit(statement) if content.overdraft_limit else "",
        "issuer": [
            {"label": getattr(language.catalog, name), "text": sanitize(text)}
            for name, text in content.issuer
        ],
        "kind_totals": list(_kind_totals(statement, content, language, sanitize)),
        "messages": [
            _notice(each, language.tag, sanitize) for each in notices if each.is_before_lines
        ],
        "notices": [
            _notice(each, language.tag, sanitize) for each in notices if not each.is_before_lines
        ],
    }


def _overdraft_limit(statement: Statement) -> str:
    limit, code = statement.overdraft_limit_minor, statement.currency
    if limit is None:
        return ""
    return format_minor(limit, code, statement.holder.locale, with_currency=False)


def _notice(notice: Notice, tag: str, sanitize: Sanitizer) -> dict[str, Any]:
    language = notice.language(tag)
    heading = notice.headings.get(language)
    return {
        "heading": sanitize(heading) if heading else None,
        "paragraphs": [sanitize(text) for text in notice.texts[language]],
    }


def _kind_totals(
    statement: Statement, content: Content, language: Language, sanitize: Sanitizer
) -> Iterator[dict[str, Any]]:
    catalog = language.catalog
    ours = {FEE: catalog.fees, _INTEREST: catalog.interest}
    for kind in content.fee_summary:
        minors = [line.amount_minor for line in statement.lines if line.kind == kind]
        debit, credit = (
            format_minor(total, statement.currency, statement.holder.locale, with_currency=False)
            for total in (
                -sum(minor for minor in minors if minor < 0),
                sum(minor for minor in minors if minor > 0),
            )
        )
        name = language.added.get(KIND_WORD + kind.replace("-", "_")) or ours.get(kind) or kind
        yield {
            "kind": kind,
            "name": sanitize(name),
            "count": len(minors),
            "debit": debit,
            "credit": credit,
        }
