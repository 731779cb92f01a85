"""Giving a channel what it has to tell: claimed in the store first, then sent, at most once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol

from closebook.errors import Transient
from closebook.notifications.notices import Notice, notices
from closebook.periods import DAY
from closebook.sql import query
from closebook.store.session import StoreAddress, on_store

# Older events are not told any more: the channel was out of reach for so long, or no run was made.
MAX_AGE = 3 * DAY
# A claim is looked up for longer than an event may be told.
_REMEMBERED = 2 * MAX_AGE

Outcome = Literal["sent", "unreached", "failed"]


class Unreached(Transient):
    """The channel took nothing of a message, for certain: it may be given to it again."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__("CB-RETRY-NOBODY-REACHED", f"nobody can have got the message: {why}")


Send = Callable[[Notice], None]
"""Sends a message. Raises Unreached if nobody can have got it, anything else if somebody may."""


class Channel(Protocol):
    """A way by which people are told. Its ``name`` is kept with each message."""

    @property
    def name(self) -> str:
        """The name, such as mail."""

    def has_readers(self, notice: Notice) -> bool:
        """Whether the channel has anybody to tell of this."""

    def opened(self) -> AbstractContextManager[Send]:
        """Be ready to send one message. Raises Unreached, before anything was claimed."""


class NotTold(Transient):
    """Some messages were not sent; ``problems`` says why, for each."""

    def __init__(self, channel: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "CB-RETRY-NOTIFICATIONS-NOT-SENT",
            f"{len(problems)} messages were not sent by {channel}: {'; '.join(problems)}. Closes "
            "go on; a message that nobody can have got is sent by a later run, for three days",
        )


def deliver(settings: StoreAddress, time_zone: str, channel: Channel, now: datetime) -> int:
    """Tell a channel's readers what happened since the last look, and return how many messages.

    Nothing is told from before the first look. Raises NotTold once everything was tried; the first
    message that reaches nobody ends the look, since the others would wait as long.
    """
    problems: list[str] = []
    sent_count = 0
    for notice in _untold(settings, time_zone, channel, now):
        try:
            with channel.opened() as send:
                # guard: notifications.claimed-before-sent
                if not _claim(settings, channel, notice):
                    continue
                outcome, problem = _sent(send, notice)
                _end(settings, channel, notice, outcome)
        except Unreached as error:
            outcome, problem = "unreached", f"{notice.event}: {error.why}"
        sent_count += outcome == "sent"
        problems += [problem] if problem else []
        if outcome == "unreached":
            break
    if problems:
        raise NotTold(channel.name, problems)
    return sent_count


def _untold(
    settings: StoreAddress, time_zone: str, channel: Channel, now: datetime
) -> list[Notice]:
    with on_store(settings) as store:
        begun = store.execute(query("notifications/begin"), {"channel": channel.name}).fetchone()
        assert begun is not None  # noqa: S101  # the query returns one row
        since = max(begun["claimed_at"], now - MAX_AGE)
        rows = store.execute(
            query("notifications/told"), {"channel": channel.name, "since": now - _REMEMBERED}
        )
        told = {(row["event_kind"], row["subject"]) for row in rows}
        found = notices(store, time_zone, since, now, told)
    return [notice for notice in found if channel.has_readers(notice)]


def _claim(settings: StoreAddress, channel: Channel, notice: Notice) -> bool:
    """Claim the subjects of a message, all or none, and commit that."""
    with on_store(settings) as store:
        claimed = store.execute(query("notifications/claim"), _key(channel, notice)).fetchall()
        if len(claimed) == len(notice.subjects):
            return True
        # Another run has some of them, and tells of these.
        store.rollback()
        return False


def _sent(send: Send, notice: Notice) -> tuple[Outcome, str]:
    """Send a message that is claimed, and return how that ended and what went wrong."""
    try:
        send(notice)
    except Unreached as error:
        return "unreached", f"{notice.event}: {error.why}"
    except Exception as error:
        # Its text may quote the message or an address.
        return "failed", f"{notice.event}: {type(error).__name__}, perhaps after it was taken"
    return "sent", ""


def _end(settings: StoreAddress, channel: Channel, notice: Notice, outcome: Outcome) -> None:
    with on_store(settings) as store:
        store.execute(query("notifications/end"), {**_key(channel, notice), "outcome": outcome})


def _key(channel: Channel, notice: Notice) -> dict[str, Any]:
    return {
        "channel": channel.name,
        "event": notice.event,
        "subjects": [*notice.subjects],
    }
