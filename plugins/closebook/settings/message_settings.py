"""The settings of what Closebook sends: mails, webhooks, and events for account holders.

No close reads them: a wrong one stops what is sent, and nothing else.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from closebook import server_identity
from closebook.environment import names
from closebook.errors import Misconfigured
from closebook.settings.airflow_connections import airflow_connection

DEFAULT_EXCHANGE = "closebook.statements"


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


@dataclass(frozen=True)
class Broker:
    """The RabbitMQ that gets the events of statements; with ``ca_certificates`` by TLS."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    virtual_host: str
    exchange: str
    ca_certificates: str | None = None


def broker_from_airflow(connection_id: str) -> Broker:
    """Read the broker of an Airflow connection.

    Raises Misconfigured if it is missing, or if the broker would not have to prove who it is.
    """
    connection = airflow_connection(connection_id)
    certificates = server_identity.broker_certificates(connection_id, connection)
    return Broker(
        host=connection.host,
        port=connection.port or (5672 if certificates is None else 5671),
        user=connection.login or "",
        password=connection.password or "",
        virtual_host=connection.schema or "/",
        exchange=connection.extra_dejson.get("exchange", DEFAULT_EXCHANGE),
        ca_certificates=certificates,
    )
