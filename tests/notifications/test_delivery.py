"""Notifications are sent to real servers for mail and HTTP, each at most once."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from closebook.errors import Misconfigured
from closebook.notifications.delivery import AddressesRefused, Channel, NotSent, Send, deliver
from closebook.notifications.notices import Notice
from closebook.orchestration.notification_channels import (
    MailChannel,
    WebhookChannel,
    channels,
)
from closebook.periods import HOUR, MINUTE
from closebook.settings import Settings
from closebook.settings.message_settings import Audience, message_settings
from local.stack import Stack
from tests.closes.october import OCTOBER
from tests.notifications.events_of_the_store import StoreEvents
from tests.smtp_server import HANGING_UP, REFUSING, SmtpServer, free_port, smtp_server
from tests.tls_server import certificate_for, tls_before
from tests.webhook_receiver import Receiver, webhook_receiver

ZONE = "America/New_York"
BASE = "https://closebook.bank.invalid"
FINANCE, OPERATORS = "finance@bank.invalid", "operators@bank.invalid"
OLGA = "olga@bank.invalid"
MAIL = MailChannel(
    "people_mail", {Audience.FINANCE: (FINANCE,), Audience.OPERATORS: (OPERATORS, OLGA)}, BASE
)
WEBHOOK = WebhookChannel("people_webhook", BASE)


@pytest.fixture
def events(stack: Stack, settings: Settings, module_store_database: str) -> StoreEvents:
    """A store with a closed October, which both channels have looked at."""
    written = StoreEvents(stack, settings, module_store_database)
    written.close(1, "month", OCTOBER.start, OCTOBER.end)
    for channel in ("mail", "webhook"):
        began(written, channel)
    return written


def began(events: StoreEvents, channel: str) -> None:
    events.execute(
        "insert into reporting.notifications (channel, event_kind, subject, claimed_at, outcome)"
        " values (%s, 'channel_began', 'channel', now() - interval '1 day', 'sent')",
        [channel],
    )


@pytest.fixture
def mail_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    with smtp_server(tmp_path / "mails") as server:
        connect(monkeypatch, MAIL, server)
        yield server


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with webhook_receiver() as listening:
        connect(monkeypatch, WEBHOOK, listening)
        yield listening


def connect(
    monkeypatch: pytest.MonkeyPatch,
    channel: MailChannel | WebhookChannel,
    server: SmtpServer | Receiver,
) -> None:
    """Let Airflow's connection of the channel lead to the server."""
    name = f"AIRFLOW_CONN_{channel.connection_id.upper()}"
    monkeypatch.setenv(name, json.dumps(server.connection))


def tell(events: StoreEvents, channel: Channel) -> int:
    return deliver(events.settings, ZONE, channel, datetime.now(UTC))


def test_every_event_is_one_mail_to_those_it_concerns_and_one_request(
    events: StoreEvents, mail_server: SmtpServer, receiver: Receiver
) -> None:
    events.manifest(1, 1)
    assert [tell(events, channel) for channel in (MAIL, WEBHOOK)] == [1, 1]
    events.decision(1, "rejected")
    events.manifest(2, 1)
    events.decision(2, "released")
    events.answer(events.request(1))
    at = datetime.now(UTC)
    events.alert(at - 10 * MINUTE, is_open=True)
    events.alert(at - 5 * MINUTE, is_open=False)

    assert [tell(events, channel) for channel in (MAIL, WEBHOOK)] == [6, 6]
    assert [tell(events, channel) for channel in (MAIL, WEBHOOK)] == [0, 0]

    told = {(each["event"], each["period"]): each for each in receiver.posted}
    assert told.keys() == {
        ("month_ready", "2026-10"),
        ("month_rejected", "2026-10"),
        ("month_released", "2026-10"),
        ("request_came", "2026-10"),
        ("request_answered", "2026-10"),
        ("alert_opened", None),
        ("alert_ended", None),
    }
    assert len(receiver.posted) == len(told)
    assert told["month_ready", "2026-10"]["link"] == f"{BASE}/closebook/releases/2026-10"
    assert told["alert_opened", None]["text"] == (
        "A health alert opened on primary: server down: connection refused is it running?. The "
        f"page has the values, and docs/health.md what to do. {BASE}/closebook/health"
    )
    mails = mail_server.mails()
    readers = {
        event: f"To: {', '.join(to)}\n"
        for event, to in {
            "month_ready": [FINANCE],
            "month_rejected": [FINANCE, OPERATORS, OLGA],
            "month_released": [FINANCE, OPERATORS, OLGA],
            "request_came": [OPERATORS, OLGA],
            "request_answered": [FINANCE],
            "alert_opened": [OPERATORS, OLGA],
            "alert_ended": [OPERATORS, OLGA],
        }.items()
    }
    assert len(mails) == len(readers)
    for event, to in readers.items():
        subject = f"Subject: Closebook: {event.replace('_', ' ')}"
        [mail] = [mail for mail in mails if subject in mail]
        assert to in mail
        assert f'<a href="{BASE}/' in mail
        assert "From: closebook@bank.invalid" in mail


def test_no_message_has_a_name_or_a_text_that_somebody_typed(
    events: StoreEvents, mail_server: SmtpServer, receiver: Receiver
) -> None:
    events.manifest(1, 1)
    events.decision(1, "rejected")
    events.answer(events.request(1))
    assert [tell(events, channel) for channel in (MAIL, WEBHOOK)] == [3, 3]
    for text in (*mail_server.mails(), json.dumps(receiver.posted)):
        assert "lanted" not in text.lower()
        assert "bob" not in text


def test_events_from_before_a_channel_was_configured_have_no_message(
    events: StoreEvents, receiver: Receiver
) -> None:
    events.execute("delete from reporting.notifications")
    events.request(1)
    assert tell(events, WEBHOOK) == 0
    events.request(1)
    assert tell(events, WEBHOOK) == 1
    assert len(receiver.posted) == 1


def test_a_late_hour_has_one_message_and_several_together_have_one(
    events: StoreEvents, receiver: Receiver
) -> None:
    now = datetime(2026, 11, 25, 12, 20, tzinfo=UTC)
    events.execute("update reporting.notifications set claimed_at = %s", [now - 10 * HOUR])
    events.execute("delete from reporting.closes")
    last = now.replace(hour=9, minute=0)
    events.close(2, "hour", last, last + HOUR)

    def told(at: datetime) -> list[str]:
        receiver.posted.clear()
        deliver(events.settings, ZONE, WEBHOOK, at)
        return [each["text"] for each in receiver.posted]

    assert told(now - timedelta(minutes=6)) == [
        "Hour 2026-11-25T10Z is late: it is not closed 15 minutes after its end. The log of its "
        f"run says what it waits for. {BASE}/dags/hourly_platform_volume/runs"
    ]
    [text] = told(now + 3 * HOUR)
    assert "Hour 2026-11-25T11Z is late" in text
    assert "and 3 after it" in text
    assert told(now + 3 * HOUR) == []


def test_what_a_mail_server_that_is_down_did_not_take_is_sent_once_it_is_up(
    events: StoreEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = SmtpServer(free_port(), tmp_path / "mails")
    connect(monkeypatch, MAIL, down)
    events.request(1)
    with pytest.raises(NotSent, match="no log-in at the mail server"):
        tell(events, MAIL)
    assert events.notifications() == {}

    with smtp_server(down.folder, port=down.port) as up:
        assert tell(events, MAIL) == 1
        assert tell(events, MAIL) == 0
        assert len(up.mails()) == 1


def test_what_a_mail_server_may_have_taken_is_not_sent_again(
    events: StoreEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events.request(1)
    with smtp_server(tmp_path / "mails", behaviour=HANGING_UP) as server:
        connect(monkeypatch, MAIL, server)
        with pytest.raises(NotSent, match="perhaps after it was taken"):
            tell(events, MAIL)
        assert tell(events, MAIL) == 0
        assert len(server.mails()) == 1
    assert events.notifications() == {("mail", "request_came"): "failed"}


@pytest.mark.parametrize("code", ["451 try later", "554 no", "421 going down"])
def test_a_mail_that_the_server_refuses_after_its_text_is_sent_later(
    events: StoreEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    events.request(1)
    with smtp_server(tmp_path / "mails", behaviour=code) as refusing:
        connect(monkeypatch, MAIL, refusing)
        with pytest.raises(NotSent, match="the mail server refused it"):
            tell(events, MAIL)
    assert events.notifications() == {("mail", "request_came"): "unreached"}
    with smtp_server(refusing.folder, port=refusing.port) as taking:
        assert tell(events, MAIL) == 1
        assert len(taking.mails()) == 1


def test_an_address_that_the_mail_server_refuses_is_noticed_and_the_others_get_one_mail(
    events: StoreEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events.request(1)
    with smtp_server(tmp_path / "mails", behaviour=REFUSING + OLGA) as server:
        connect(monkeypatch, MAIL, server)
        with pytest.raises(AddressesRefused, match=r"refused 1 of 2 addresses \(550\)") as raised:
            tell(events, MAIL)
        assert OLGA not in str(raised.value)
        assert tell(events, MAIL) == 0
        assert len(server.mails()) == 1
    assert events.notifications() == {("mail", "request_came"): "sent"}


def test_a_mail_whose_addresses_are_all_refused_is_sent_later(
    events: StoreEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events.manifest(1, 1)
    with smtp_server(tmp_path / "mails", behaviour=REFUSING + FINANCE) as server:
        connect(monkeypatch, MAIL, server)
        with pytest.raises(NotSent, match="the mail server refused it"):
            tell(events, MAIL)
    assert events.notifications() == {("mail", "month_ready"): "unreached"}


def test_a_webhook_that_redirects_has_sent_nothing(events: StoreEvents, receiver: Receiver) -> None:
    events.request(1)
    receiver.status = 302
    with pytest.raises(NotSent, match="answers with status 302"):
        tell(events, WEBHOOK)
    assert receiver.got == 0
    receiver.status = 200
    assert tell(events, WEBHOOK) == 1


@pytest.mark.parametrize(("status", "again"), [(404, 1), (401, 1), (503, 1), (500, 0)])
def test_what_a_webhook_refuses_is_sent_again_and_not_what_it_may_have_taken(
    events: StoreEvents, receiver: Receiver, status: int, again: int
) -> None:
    events.request(1)
    receiver.status = status
    with pytest.raises(NotSent):
        tell(events, WEBHOOK)
    receiver.status = 200
    assert tell(events, WEBHOOK) == again
    assert len(receiver.posted) == 1 + again


def test_a_webhook_that_is_down_gets_the_message_later(
    events: StoreEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    down = Receiver(free_port())
    connect(monkeypatch, WEBHOOK, down)
    events.request(1)
    with pytest.raises(NotSent, match="no connection to the webhook"):
        tell(events, WEBHOOK)
    with webhook_receiver(down.port) as up:
        assert tell(events, WEBHOOK) == 1
        assert len(up.posted) == 1


def test_a_webhook_without_a_trusted_certificate_gets_its_message_later(
    events: StoreEvents, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for("localhost", tmp_path / "tls")
    events.request(1)
    with tls_before(receiver.port, certificate, is_postgres=False) as port:
        secure = receiver.connection | {"host": f"https://localhost:{port}/closebook"}
        monkeypatch.setenv("AIRFLOW_CONN_PEOPLE_WEBHOOK", json.dumps(secure))
        with pytest.raises(NotSent, match="no connection to the webhook"):
            tell(events, WEBHOOK)
        assert receiver.posted == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.authority))
        assert tell(events, WEBHOOK) == 1
    assert len(receiver.posted) == 1


def test_a_webhook_gets_the_path_and_the_headers_of_its_connection(
    events: StoreEvents, receiver: Receiver
) -> None:
    events.request(1)
    tell(events, WEBHOOK)
    assert receiver.posted[0]["path"] == "/closebook"
    assert receiver.headers[0]["Authorization"] == "Bearer of-a-test"


@dataclass(frozen=True)
class Dying:
    """A channel whose process ends while it sends."""

    name: str = "mail"

    def has_readers(self, _notice: Notice) -> bool:
        return True

    def opened(self) -> AbstractContextManager[Send]:
        return nullcontext(lambda _notice: os._exit(9))


def test_a_process_that_dies_while_it_sends_loses_the_message_and_never_sends_it_twice(
    events: StoreEvents, mail_server: SmtpServer
) -> None:
    events.request(1)
    child = os.fork()
    if child == 0:
        tell(events, Dying())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert events.notifications() == {("mail", "request_came"): None}

    events.request(1)
    assert tell(events, MAIL) == 1
    assert len(mail_server.mails()) == 1


def test_two_runs_at_once_send_one_message(events: StoreEvents, receiver: Receiver) -> None:
    barrier = Barrier(2)

    class AtOnce(WebhookChannel):
        def opened(self) -> AbstractContextManager[Send]:
            barrier.wait(20)
            return super().opened()

    events.request(1)
    channel = AtOnce(WEBHOOK.connection_id, BASE)
    with ThreadPoolExecutor(2) as pool:
        counts = [*pool.map(lambda _: tell(events, channel), range(2))]
    assert sorted(counts) == [0, 1]
    assert len(receiver.posted) == 1


def test_a_channel_without_readers_of_an_event_sends_nothing(
    events: StoreEvents, mail_server: SmtpServer
) -> None:
    events.manifest(1, 1)
    events.request(1)
    only_operators = MailChannel(MAIL.connection_id, {Audience.OPERATORS: (OPERATORS,)}, BASE)
    assert tell(events, only_operators) == 1
    assert "request came" in mail_server.mails()[0]


def test_a_mail_connection_without_a_sender_is_refused_before_anything_is_claimed(
    events: StoreEvents, mail_server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = mail_server.connection | {
        "extra": json.dumps({"disable_ssl": True, "disable_tls": True})
    }
    monkeypatch.setenv("AIRFLOW_CONN_PEOPLE_MAIL", json.dumps(fields))
    events.request(1)
    with pytest.raises(Misconfigured, match="CB-CONFIG-MAIL-SENDER-MISSING"):
        tell(events, MAIL)
    assert events.notifications() == {}


def test_without_a_connection_there_is_no_channel() -> None:
    assert channels(message_settings({})) == []


def message_variables(**changed: str) -> dict[str, Any]:
    return {"CLOSEBOOK_MAIL_CONNECTION": "people_mail", "CLOSEBOOK_MAIL_FINANCE": FINANCE} | changed


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        (message_variables(CLOSEBOOK_MAIL_FINANCE=""), "CB-CONFIG-MAIL-INCOMPLETE"),
        (message_variables(CLOSEBOOK_MAIL_CONNECTION=""), "CB-CONFIG-MAIL-INCOMPLETE"),
        (
            message_variables(CLOSEBOOK_MAIL_FINANCE="a@b.invalid c@d.invalid"),
            "CB-CONFIG-MAIL-ADDRESS-UNREADABLE",
        ),
        (message_variables(CLOSEBOOK_MAIL_OPERATORS="ops"), "CB-CONFIG-MAIL-ADDRESS-UNREADABLE"),
    ],
)
def test_settings_that_make_no_sense_are_refused(variables: dict[str, str], code: str) -> None:
    with pytest.raises(Misconfigured, match=code):
        message_settings(variables)
