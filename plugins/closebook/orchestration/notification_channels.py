"""The channels of notifications: a mail server and a webhook, through Airflow's hooks."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from html import escape
from http import HTTPStatus
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from ssl import SSLCertVerificationError
from typing import TYPE_CHECKING

from closebook.errors import Misconfigured
from closebook.notifications.delivery import AddressesRefused, Send, Unreached
from closebook.notifications.notices import Notice
from closebook.settings.message_settings import Audience, MessageSettings

if TYPE_CHECKING:
    from closebook.orchestration.mail_hook import MailHook

_SECONDS = 10


@dataclass(frozen=True)
class MailChannel:
    """Sends mails by the SMTP server of an Airflow connection, from its ``from_email``."""

    connection_id: str
    addresses: Mapping[Audience, tuple[str, ...]]
    base_url: str
    name: str = "mail"

    def has_readers(self, notice: Notice) -> bool:
        """Whether an address is set for one of the message's audiences."""
        return bool(self._to(notice))

    @contextmanager
    def opened(self) -> Iterator[Send]:
        """Log in at the mail server, for one mail to all addresses."""
        from closebook.orchestration.mail_hook import MailHook

        hook = MailHook(smtp_conn_id=self.connection_id)
        try:
            hook.get_conn()
        except Exception as error:
            # Whatever the error is, such as a wrong password, no mail was sent.
            raise Unreached(f"no log-in at the mail server ({type(error).__name__})") from None
        with hook:
            if not hook.from_email:
                raise Misconfigured(
                    "CB-CONFIG-MAIL-SENDER-MISSING",
                    f"the Airflow connection {self.connection_id} has no from_email in its extra: "
                    "add the address that mails come from",
                )
            yield partial(self._send, hook)

    def _send(self, hook: "MailHook", notice: Notice) -> None:
        link = escape(_link(self.base_url, notice))
        addresses = self._to(notice)
        try:
            refused = hook.send_once(
                to=addresses,
                subject=f"Closebook: {notice.title} {notice.period}".strip(),
                html_content=f'<p>{escape(notice.line)} <a href="{link}">{link}</a></p>',
            )
        except (SMTPRecipientsRefused, SMTPResponseException) as error:
            raise Unreached(f"the mail server refused it ({type(error).__name__})") from None
        if refused:
            answers = ", ".join(sorted({str(code) for code, _ in refused.values()}))
            raise AddressesRefused(len(refused), len(addresses), answers)

    def _to(self, notice: Notice) -> list[str]:
        named = [address for each in notice.audiences for address in self.addresses.get(each, ())]
        return [*dict.fromkeys(named)]


@dataclass(frozen=True)
class WebhookChannel:
    """Sends POST requests with a JSON object to the URL of an Airflow connection of type http."""

    connection_id: str
    base_url: str
    name: str = "webhook"

    def has_readers(self, notice: Notice) -> bool:
        """Whether the receiver gets this message: it gets all."""
        return True

    def opened(self) -> AbstractContextManager[Send]:
        """Return what sends one request, which opens its own connection."""
        return nullcontext(self._send)

    def _send(self, notice: Notice) -> None:
        from airflow.providers.http.hooks.http import HttpHook
        from requests.exceptions import ConnectionError as NoConnection
        from requests.exceptions import ConnectTimeout

        link = _link(self.base_url, notice)
        hook = HttpHook(method="POST", http_conn_id=self.connection_id)
        try:
            response = hook.run(
                json={
                    "text": f"{notice.line} {link}",
                    "event": notice.event,
                    "subjects": notice.subjects,
                    "period": notice.period or None,
                    "audiences": notice.audiences,
                    "link": link,
                },
                extra_options={
                    "timeout": _SECONDS,
                    "check_response": False,
                    # Redirected, the request would become a GET without the message.
                    "allow_redirects": False,  # guard: notifications.no-redirect
                },
            )
        except ConnectTimeout:
            raise Unreached("no connection to the webhook in time") from None
        except NoConnection as error:
            if _was_never_connected(error):
                raise Unreached("no connection to the webhook") from None
            raise
        if _was_refused(response.status_code):
            raise Unreached(f"the webhook answers with status {response.status_code}")
        response.raise_for_status()


def channels(settings: MessageSettings) -> list[MailChannel | WebhookChannel]:
    """Return the channels that are configured. Raises Misconfigured without Airflow's address."""
    if not settings.mail_connection and not settings.webhook_connection:
        return []
    base_url = _base_url()
    found: list[MailChannel | WebhookChannel] = []
    if settings.mail_connection:
        found.append(MailChannel(settings.mail_connection, settings.addresses, base_url))
    if settings.webhook_connection:
        found.append(WebhookChannel(settings.webhook_connection, base_url))
    return found


def _base_url() -> str:
    from airflow.sdk.configuration import conf

    base_url: str = conf.get("api", "base_url", fallback="") or ""
    if not base_url:
        raise Misconfigured(
            "CB-CONFIG-BASE-URL-MISSING",
            "AIRFLOW__API__BASE_URL is not set, and messages have no link without it: set it to "
            "the address by which people reach Airflow, for every Airflow process",
        )
    return base_url.rstrip("/")


def _link(base_url: str, notice: Notice) -> str:
    return f"{base_url}{notice.path}"


def _was_never_connected(error: Exception) -> bool:
    """Whether no request was sent: no server was reached, or its certificate was refused."""
    from urllib3.exceptions import MaxRetryError, NewConnectionError

    cause = error.args[0] if error.args else None
    if not isinstance(cause, MaxRetryError) or cause.reason is None:
        return False
    reasons = (cause.reason, *cause.reason.args)
    return any(isinstance(each, NewConnectionError | SSLCertVerificationError) for each in reasons)


def _was_refused(status: int) -> bool:
    """Whether the receiver refused the request, or redirected it to another URL."""
    is_elsewhere_or_wrong = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_elsewhere_or_wrong or status == HTTPStatus.SERVICE_UNAVAILABLE
