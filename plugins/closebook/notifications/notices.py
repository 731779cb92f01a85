"""The messages about what happened, each of one line: which period, why, what to do.

A line has no name and no number of an account holder, and no text that a person typed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import DictRow

from closebook.codes import words_of
from closebook.notifications.late_closes import late_periods
from closebook.periods import Grain, Period
from closebook.settings.message_settings import Audience
from closebook.sql import query
from closebook.store.session import Store

_MAX_DETAIL_LENGTH = 300
_DESK = "/closebook"
LATE = "close_late"

_FINANCE = (Audience.FINANCE,)
_OPERATORS = (Audience.OPERATORS,)
_EVERYBODY = (Audience.FINANCE, Audience.OPERATORS)

_LATE_DAGS: Mapping[Grain, str] = {
    Grain.HOUR: "hourly_platform_volume",
    Grain.DAY: "daily_rollups",
    Grain.MONTH: "monthly_statements",
}
_LATE_WORDS: Mapping[Grain, str] = {
    Grain.HOUR: "15 minutes after its end",
    Grain.DAY: "at 06:00 of the next business day",
    Grain.MONTH: "on the second day of the next month",
}


@dataclass(frozen=True)
class Notice:
    """One message about an event with one subject, or about several late periods.

    ``period`` is the label of a month, a day or an hour, empty for an alert. ``path`` is the page
    with the details, below Airflow's address.
    """

    event: str
    subjects: tuple[str, ...]
    audiences: tuple[Audience, ...]
    line: str
    path: str
    period: str = ""

    @property
    def title(self) -> str:
        """The event in words, such as "month ready"."""
        return words_of(self.event)


@dataclass(frozen=True)
class _Kind:
    """A kind of event: who gets its message, the text, and the page that it links to."""

    audiences: tuple[Audience, ...]
    line: str
    path: str


_KINDS: Mapping[str, _Kind] = {
    "month_ready": _Kind(
        _FINANCE,
        "Month {period} is ready for release ({detail}): a person who did not act on its runs "
        "reviews it, and releases or rejects it.",
        "/releases/{period}",
    ),
    "month_released": _Kind(
        _EVERYBODY,
        "Month {period} was released ({detail}): finance finds its statements at the desk.",
        "/releases/{period}",
    ),
    "month_rejected": _Kind(
        _EVERYBODY,
        "Month {period} was rejected ({detail}): the page says why. Correct what is wrong, and "
        "close the month again with a reason.",
        "/releases/{period}",
    ),
    "request_came": _Kind(
        _OPERATORS,
        "A statement of {period} is to be issued again, and request {detail} says why: compare it "
        "with the platform, and answer the request.",
        "/requests",
    ),
    "request_answered": _Kind(
        _FINANCE,
        "The request to issue a statement of {period} again has an answer: request {detail}. The "
        "page of the statement has the note.",
        "/statements",
    ),
    "alert_opened": _Kind(
        _OPERATORS,
        "A health alert opened on {detail}. The page has the values, and docs/health.md what to "
        "do.",
        "/health",
    ),
    "alert_ended": _Kind(
        _OPERATORS, "A health alert ended on {detail}. There is nothing to do.", "/health"
    ),
}


def notices(
    store: Store,
    time_zone: str,
    since: datetime,
    now: datetime,
    claimed: Collection[tuple[str, str]],
) -> list[Notice]:
    """Return the messages about what happened between two instants.

    ``claimed`` are the events and subjects that have a claim: they get no message.
    """
    rows = store.execute(query("notifications/events"), {"since": since}).fetchall()
    found = [_notice(row) for row in rows if (row["event_kind"], row["subject"]) not in claimed]
    for grain in Grain:
        late = [
            each
            for each in late_periods(store, grain, time_zone, since, now)
            if (LATE, _subject(each)) not in claimed
        ]
        found += _late_notice(grain, late)
    return found


def _notice(row: DictRow) -> Notice:
    kind = _KINDS[row["event_kind"]]
    period = "" if row["first_date"] is None else f"{row['first_date']:%Y-%m}"
    words = {"period": period, "detail": _one_line(row["detail"])}
    return Notice(
        event=row["event_kind"],
        subjects=(row["subject"],),
        audiences=kind.audiences,
        line=kind.line.format(**words),
        path=f"{_DESK}{kind.path.format(**words)}",
        period=period,
    )


def _late_notice(grain: Grain, late: list[Period]) -> Iterable[Notice]:
    """Return one message about all late periods of a grain; none if there is none."""
    if not late:
        return
    others = len(late) - 1
    rest = f", and {others} after it" if others else ""
    yield Notice(
        event=LATE,
        subjects=tuple(_subject(each) for each in late),
        audiences=_OPERATORS,
        line=f"{grain.capitalize()} {late[0].label} is late: it is not closed "
        f"{_LATE_WORDS[grain]}{rest}. The log of its run says what it waits for.",
        path=f"/dags/{_LATE_DAGS[grain]}/runs",
        period=late[0].label,
    )


def _subject(period: Period) -> str:
    return f"{period.grain} {period.start:%Y-%m-%dT%H:%MZ}"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_DETAIL_LENGTH else f"{line[: _MAX_DETAIL_LENGTH - 1]}…"
