"""Sending messages by a channel, each at most once.

Each message is claimed (noted in the store, and committed) before it is sent.
"""

from collections.abc import Callable, MutableSequence, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol

from closebook.errors import Misconfigured, Transient
from closebook.notifications.notices import Notice, notices
from closebook.periods import DAY
from closebook.sql import query
from closebook.store.session import StoreAddress, on_store

# No message is sent about an older event, such as after the mail server was down for days.
MAX_AGE = 3 * DAY
# Claims are read for a longer time, so that none of a younger event is missed.
_REMEMBERED = 2 * MAX_AGE

Outcome = Literal["sent", "unreached", "failed"]


class Unreached(Transient):
    """It is certain that nobody got the message: a later run may send it again."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__("CB-RETRY-NOBODY-REACHED", f"nobody can have got the message: {why}")


class AddressesRefused(Misconfigured):
    """The mail server took a message, and refused some of its addresses: the others got it."""

    def __init__(self, refused_count: int, count: int, answer: str) -> None:
        super().__init__(
            "CB-CONFIG-MAIL-ADDRESS-REFUSED",
            f"the mail server refused {refused_count} of {count} addresses ({answer}). The others "
            "got the message, and it is not sent again: see which of CLOSEBOOK_MAIL_FINANCE and "
            "CLOSEBOOK_MAIL_OPERATORS are right",
        )


Send = Callable[[Notice], None]
"""Sends a message.

Raises Unreached if it is certain that nobody got it, AddressesRefused if some of those who should
have got it did not, and another error if somebody may have got it.
"""


class Channel(Protocol):
    """A way to send messages. The store keeps its ``name`` with each claim."""

    @property
    def name(self) -> str:
        """The name, such as mail."""

    def has_readers(self, notice: Notice) -> bool:
        """Whether anybody gets this message by the channel."""

    def opened(self) -> AbstractContextManager[Send]:
        """Connect until the end of the block, and return what sends one message.

        Raises Unreached if there is no connection.
        """


class NotSent(Transient):
    """Some messages were not sent; ``problems`` has the reason of each."""

    def __init__(self, channel: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "CB-RETRY-NOTIFICATIONS-NOT-SENT",
            f"{len(problems)} messages were not sent by {channel}: {'; '.join(problems)}. Closes "
            "go on; a message that nobody can have got is sent by a later run, for three days",
        )


def deliver(settings: StoreAddress, time_zone: str, channel: Channel, now: datetime) -> int:
    """Send the messages that the channel has not sent yet, and return how many were sent.

    Events from before the channel's first run have no message. Raises NotSent or AddressesRefused
    after all messages were tried. After a message that reached nobody the others are not tried:
    each would wait as long for the server.
    """
    problems: list[str] = []
    refused: list[AddressesRefused] = []
    sent_count = 0
    for notice in _unclaimed(settings, time_zone, channel, now):
        try:
            with channel.opened() as send:
                # guard: notifications.claimed-before-sent
                if not _claim(settings, channel, notice):
                    continue
                outcome, problem = _sent(send, notice, refused)
                _end(settings, channel, notice, outcome)
        except Unreached as error:
            outcome, problem = "unreached", f"{notice.event}: {error.why}"
        sent_count += outcome == "sent"
        problems += [problem] if problem else []
        if outcome == "unreached":
            break
    not_sent = NotSent(channel.name, problems) if problems else None
    # The refusal is raised before the problems: the mail is not sent again, so no later run would
    # raise it.
    if refused:  # guard: notifications.refused-address-is-noticed
        raise refused[0] from not_sent
    if not_sent:
        raise not_sent
    return sent_count


def _unclaimed(
    settings: StoreAddress, time_zone: str, channel: Channel, now: datetime
) -> list[Notice]:
    with on_store(settings) as store:
        begun = store.execute(query("notifications/begin"), {"channel": channel.name}).fetchone()
        assert begun is not None  # noqa: S101  # the query returns one row
        since = max(begun["claimed_at"], now - MAX_AGE)
        rows = store.execute(
            query("notifications/claimed"), {"channel": channel.name, "since": now - _REMEMBERED}
        )
        claimed = {(row["event_kind"], row["subject"]) for row in rows}
        found = notices(store, time_zone, since, now, claimed)
    return [notice for notice in found if channel.has_readers(notice)]


def _claim(settings: StoreAddress, channel: Channel, notice: Notice) -> bool:
    """Claim all subjects of a message, and commit that; return False if it cannot have all."""
    with on_store(settings) as store:
        claimed = store.execute(query("notifications/claim"), _key(channel, notice)).fetchall()
        if len(claimed) == len(notice.subjects):
            return True
        # Another run has claimed some of them, and sends these.
        store.rollback()
        return False


def _sent(
    send: Send, notice: Notice, refused: MutableSequence[AddressesRefused]
) -> tuple[Outcome, str]:
    """Send a message that is claimed; return the outcome, and the problem or an empty text."""
    try:
        send(notice)
    except AddressesRefused as error:
        refused.append(error)
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
