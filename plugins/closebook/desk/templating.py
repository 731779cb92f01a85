"""HTML pages from the templates in templates/desk. Jinja escapes all text."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from closebook.closes.exceptions import REASONS
from closebook.codes import words_of
from closebook.desk import permissions
from closebook.desk.csrf import CSRF_FIELD
from closebook.desk.current_user import current_user
from closebook.desk.months import month_label
from closebook.desk.open_work import OpenWork, open_work_of
from closebook.desk.search import statement_url
from closebook.desk.static_files import static_files
from closebook.errors import WrongData
from closebook.keys import statement_name
from closebook.money import format_minor
from closebook.settings.statement_settings import templates_folder

LOCALE = "en_US"


def render_page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    open_work: Mapping[str, OpenWork] | None = None,
    **context: Any,
) -> HTMLResponse:
    """Render templates/desk/<template>.html.j2 for the current user.

    The context also gets what every page needs: the user and their permissions, the navigation and
    what waits there, the URLs of static files, and the CSRF field. Without ``open_work`` it is read
    from the store, so a page that is made on Airflow's event loop has to give it.
    """
    user = current_user(request)
    shown = open_work_of(user) if open_work is None else open_work
    root_path = request.scope["root_path"]
    html = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(
            user=user,
            base=root_path,
            static_url=lambda name: root_path + static_files()[name].url,
            navigation=[each for each in permissions.NAVIGATION if user.may(each.permission)],
            open_work=shown,
            path=request.url.path.removeprefix(root_path) or "/",
            may={
                name: user.may(value)
                for name, value in vars(permissions).items()
                if isinstance(value, permissions.Permission)
            },
            csrf_field=CSRF_FIELD,
            **context,
        )
    )
    return HTMLResponse(html, status)


def error_page(request: Request, status: int, reason: str = "") -> HTMLResponse:
    """Return the page for a request that was refused or that failed."""
    return render_page(
        request,
        "error",
        status=status,
        # This page is made on Airflow's event loop, perhaps because the store does not answer.
        open_work={},
        title=HTTPStatus(status).phrase,
        is_missing=status == HTTPStatus.NOT_FOUND,
        reason=reason,
        is_refused=request.method == "POST",
    )


def message_page(
    request: Request, status: int, text: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a message to a person who may not be logged in; to a program, its text alone.

    It does not use Airflow or the store, since the message may say that one of them failed. After a
    form that was not accepted it has a link back, where the page's script fills the form in again.
    """
    if "text/html" not in request.headers.get("Accept", ""):
        return PlainTextResponse(text, status, headers=headers)
    root_path = request.scope["root_path"]
    html = (
        _environment()
        .get_template("message.html.j2")
        .render(
            base=root_path,
            static_url=lambda name: root_path + static_files()[name].url,
            title=HTTPStatus(status).phrase,
            text=text,
            is_refused=request.method == "POST",
            needs_log_in=status == HTTPStatus.UNAUTHORIZED,
        )
    )
    return HTMLResponse(html, status, headers=headers)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates_folder() / "desk"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "airflow": _airflow,
        "amount": _amount,
        "change": _change,
        "count": _count,
        "moment": _moment,
        "month": month_label,
        "reason": _reason,
        "size": _size,
        "statement_key": lambda account, close_id, currency: statement_name(
            close_id, account, currency
        ),
        "statement_url": statement_url,
        "words": words_of,
    }
    return environment


def amount_text(amount_minor: int, currency: str, *, with_currency: bool) -> str:
    """Return an amount in major units; of an unknown currency, which has none, in minor units."""
    try:
        return format_minor(int(amount_minor), currency, LOCALE, with_currency=with_currency)
    except WrongData:
        return f"{amount_minor:,} minor units" + (f" of {currency}" if with_currency else "")


def _amount(amount_minor: int, currency: str) -> str:
    return amount_text(amount_minor, currency, with_currency=False)


def _count(number: int) -> str:
    return f"{number:,}"


def _change(amount_minor: int, currency: str) -> str:
    return f"{'+' if amount_minor > 0 else ''}{_amount(amount_minor, currency)}"


def _moment(instant: datetime) -> str:
    """Return the time in UTC to the minute. The page names the zone."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def _size(byte_count: int) -> str:
    thousands = byte_count / 1000
    return f"{thousands:,.0f} kB" if thousands < 1000 else f"{thousands / 1000:,.1f} MB"  # noqa: PLR2004


def _reason(code: str) -> str:
    """Return what a reason of an exception means; the code of an error stands for itself."""
    return REASONS.get(code, code)


def _airflow(base: str) -> str:
    """Return the path of Airflow's own pages, which is one level above the desk."""
    return base.rpartition("/")[0]
