"""The settings of what Closebook sends: mails, webhooks, and events for account holders.

No close reads them: a wrong one stops what is sent, and nothing else.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from closebook.environment import names
from closebook.errors import Misconfigured


class Audience(StrEnum):
    """Whom a message is for."""

    FINANCE = "finance"
    OPERATORS = "operators"


@dataclass(frozen=True)
class MessageSettings:
    """The ids of the Airflow connections that messages use, empty for none, and the addresses."""

    mail_connection: str = ""
    addresses: Mapping[Audience, tuple[str, ...]] = field(default_factory=dict)
    webhook_connection: str = ""
    broker_connection: str = ""

    @property
    def connections(self) -> dict[str, str]:
        """The ids of the connections that are named, by their variables."""
        named = {
            "CLOSEBOOK_MAIL_CONNECTION": self.mail_connection,
            "CLOSEBOOK_WEBHOOK_CONNECTION": self.webhook_connection,
            "CLOSEBOOK_BROKER_CONNECTION": self.broker_connection,
        }
        return {variable: named_id for variable, named_id in named.items() if named_id}


def message_settings(environment: Mapping[str, str] = os.environ) -> MessageSettings:
    """Read the settings. Raises Misconfigured for addresses without a mail server, or without any.

    All may be empty: then nothing is sent.
    """
    mail_connection = environment.get("CLOSEBOOK_MAIL_CONNECTION", "").strip()
    addresses = {
        Audience.FINANCE: names(environment.get("CLOSEBOOK_MAIL_FINANCE", "")),
        Audience.OPERATORS: names(environment.get("CLOSEBOOK_MAIL_OPERATORS", "")),
    }
    has_addresses = any(addresses.values())
    if bool(mail_connection) != has_addresses:
        raise Misconfigured(
            "CB-CONFIG-MAIL-INCOMPLETE",
            "CLOSEBOOK_MAIL_CONNECTION names the Airflow connection of the mail server, and "
            "CLOSEBOOK_MAIL_FINANCE or CLOSEBOOK_MAIL_OPERATORS the addresses: set both, or none",
        )
    for address in (one for them in addresses.values() for one in them):
        if "@" not in address or any(character.isspace() for character in address):
            raise Misconfigured(
                "CB-CONFIG-MAIL-ADDRESS-UNREADABLE",
                f"{address!r} is no mail address: separate addresses by commas in "
                "CLOSEBOOK_MAIL_FINANCE and CLOSEBOOK_MAIL_OPERATORS",
            )
    return MessageSettings(
        mail_connection=mail_connection,
        addresses=addresses,
        webhook_connection=environment.get("CLOSEBOOK_WEBHOOK_CONNECTION", "").strip(),
        broker_connection=environment.get("CLOSEBOOK_BROKER_CONNECTION", "").strip(),
    )
