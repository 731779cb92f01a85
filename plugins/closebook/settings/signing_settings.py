"""The key that signs statements, and the timestamp authority."""

from dataclasses import dataclass, field
from pathlib import Path

from closebook.errors import Misconfigured
from closebook.settings.airflow_connections import airflow_connection


@dataclass(frozen=True)
class Timestamping:
    """A timestamp authority (RFC 3161) that says when each signature was made.

    ``url`` may have a log-in in it. With ``roots``, a PEM file of the authorities that are trusted,
    each file gets what is needed to check it when these authorities' servers are gone.
    """

    url: str = field(repr=False)
    roots: Path | None = None

    @property
    def is_long_term(self) -> bool:
        """Whether signatures are PAdES B-LTA, and not B-T."""
        return self.roots is not None


@dataclass(frozen=True)
class KeyFile:
    """A PKCS#12 file with a key, its certificate and the certificate's chain."""

    path: Path
    passphrase: str = field(repr=False)
    timestamping: Timestamping | None = None


@dataclass(frozen=True)
class KeyToken:
    """A key that stays on a PKCS#11 token. Its certificate on the token has the same label."""

    module: Path
    token: str
    label: str
    pin: str = field(repr=False)
    timestamping: Timestamping | None = None


SigningKey = KeyFile | KeyToken


def signing_key(connection_id: str) -> SigningKey | None:
    """Return the key that an Airflow connection names; None for an empty id.

    Raises Misconfigured for a connection that is missing, or names no key.
    """
    if not connection_id:
        return None
    connection = airflow_connection(connection_id)
    extra, secret = dict(connection.extra_dejson), connection.password or ""
    timestamping = _timestamping(
        connection_id, extra.pop("timestamp_url", None), extra.pop("trusted_roots", None)
    )
    if set(extra) == {"pkcs12"}:
        return KeyFile(Path(extra["pkcs12"]), secret, timestamping)
    if set(extra) == {"pkcs11_module", "token", "label"}:
        return KeyToken(
            Path(extra["pkcs11_module"]), extra["token"], extra["label"], secret, timestamping
        )
    raise Misconfigured(
        "CB-CONFIG-SIGNING-KEY-NOT-NAMED",
        f"the Airflow connection {connection_id} names no signing key: give its extra pkcs12, or "
        "pkcs11_module, token and label; beside these only timestamp_url and trusted_roots",
    )


def _timestamping(connection_id: str, url: str | None, roots: str | None) -> Timestamping | None:
    if url is None and roots is None:
        return None
    if url is None or not url.startswith(("http://", "https://")):
        raise Misconfigured(
            "CB-CONFIG-TIMESTAMP-URL-UNUSABLE",
            f"the Airflow connection {connection_id} has no usable timestamp_url in its extra: "
            "give the http:// or https:// URL of a timestamp authority (RFC 3161), which "
            "trusted_roots needs too",
        )
    return Timestamping(url, None if roots is None else Path(roots))
