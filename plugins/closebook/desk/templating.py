"""How a page is made: its template, with what every page needs. All text is escaped."""

from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from closebook.desk import permissions
from closebook.desk.assets import assets
from closebook.desk.csrf import FORM_TOKEN, person_asking
from closebook.desk.months import month_label
from closebook.money import format_minor
from closebook.settings import templates_folder

_LOCALE = "en_US"


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render templates/desk/<template>.html.j2 for the person who asks."""
    person = person_asking(request)
    path = request.url.path.removeprefix(request.scope["root_path"]) or "/"
    html = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(
            person=person,
            base=request.scope["root_path"],
            asset=lambda name: request.scope["root_path"] + assets()[name].url,
            navigation=[each for each in permissions.NAVIGATION if person.may(each.permission)],
            here=path,
            may={
                name: person.may(value)
                for name, value in vars(permissions).items()
                if isinstance(value, permissions.Permission)
            },
            form_token_name=FORM_TOKEN,
            **context,
        )
    )
    return HTMLResponse(html, status)


def refusal(request: Request, status: int, why: str = "") -> HTMLResponse:
    """The page that says no."""
    return page(request, "refused", status=status, title=HTTPStatus(status).phrase, why=why)


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
        "size": _size,
        "words": _words,
    }
    return environment


def _amount(amount_minor: int, currency: str) -> str:
    return format_minor(amount_minor, currency, _LOCALE, with_currency=False)


def _count(number: int) -> str:
    return f"{number:,}"


def _change(amount_minor: int, currency: str) -> str:
    return f"{'+' if amount_minor > 0 else ''}{_amount(amount_minor, currency)}"


def _moment(instant: datetime) -> str:
    """A moment in UTC; the page says so once."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def _size(byte_count: int) -> str:
    thousands = byte_count / 1000
    return f"{thousands:,.0f} kB" if thousands < 1000 else f"{thousands / 1000:,.1f} MB"  # noqa: PLR2004


def _words(name: str) -> str:
    return name.replace("_", " ")


def _airflow(base: str) -> str:
    """Where Airflow's own pages are: one level above the desk."""
    return base.rpartition("/")[0]
