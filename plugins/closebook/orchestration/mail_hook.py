"""Airflow's hook of a mail server, which tells what the server has refused."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from airflow.providers.smtp.hooks.smtp import SmtpHook

if TYPE_CHECKING:
    from smtplib import SMTP


class MailHook(SmtpHook):
    """Sends a mail once, and returns which addresses were refused.

    The hook's own method drops these addresses. It also repeats a mail after each error: after the
    answer 421 by a connection that is closed then, so that a mail that was refused seems lost.
    """

    def send_once(
        self, *, to: Sequence[str], subject: str, html_content: str
    ) -> Mapping[str, tuple[int, bytes]]:
        """Send a mail; return the answer to each address that was refused, if not all were.

        Raises an SMTPException if nobody gets it, or if the connection is lost.
        """
        message = self._build_message(to=to, subject=subject, html_content=html_content)
        client = cast("SMTP", self._smtp_client)
        return client.sendmail(
            message["from_email"], message["recipients"], message["mime_msg"].as_string()
        )
