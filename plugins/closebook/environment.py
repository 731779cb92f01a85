"""The CLOSEBOOK_* environment variables: what each may be, and the value that it means.

Each function raises Misconfigured with the variable's name and what to write.
"""

import math
import os
from collections.abc import Mapping
from ipaddress import ip_network

from closebook.errors import Misconfigured
from closebook.iso_identifiers import is_bic, is_lei
from closebook.keys import KEY_NAMES, KeyType, KeyTypes

# The views of the contract that have amounts, in minor or in major units.
VIEWS_WITH_AMOUNTS = frozenset({"ledger_entries", "transactions"})

# A shorter grace could miss a transaction that began before a period's end; a longer one would hold
# every close up.
FENCE_GRACE_SECONDS = 0.5
LONGEST_FENCE_GRACE_SECONDS = 60.0

# A task of a range ends after the day during which this time passes. The longest leaves that day as
# much again, so that no task takes more than ten minutes while a day takes less than five.
RANGE_TASK_SECONDS = 240.0
LONGEST_RANGE_TASK_SECONDS = 300.0

# How long lines stay in the store if nobody says something else, and the longest that may be said.
DEFAULT_YEARS, MOST_YEARS = 10, 1000

# The drivers that Airflow's own database needs if its URL names none. Closebook installs neither.
AIRFLOW_DATABASE_DRIVERS = frozenset({"psycopg2", "asyncpg"})

# The widest network that a proxy may be in: 10.0.0.0/8 and the like, no part of the whole internet.
SHORTEST_PREFIX: Mapping[int, int] = {4: 8, 6: 16}


# The first one is the default.
CAMT053_VERSIONS = ("08", "13", "14", "02")
OLDEST_CAMT053 = "02"
STATEMENT_FILES = ("mt940", "ofx")


def camt053_version(text: str) -> str:
    """Return CLOSEBOOK_CAMT_VERSION, such as 08 for camt.053.001.08."""
    version = text.strip() or CAMT053_VERSIONS[0]
    if version not in CAMT053_VERSIONS:
        raise Misconfigured(
            "CB-CONFIG-CAMT-VERSION-UNKNOWN",
            f"CLOSEBOOK_CAMT_VERSION is {text!r}: write one of {', '.join(CAMT053_VERSIONS)}",
        )
    return version


def statement_files(text: str) -> tuple[str, ...]:
    """Return CLOSEBOOK_STATEMENT_FILES: what is attached to statements beside XML and CSV."""
    files = names(text)
    for file in files:
        if file not in STATEMENT_FILES or files.count(file) > 1:
            raise Misconfigured(
                "CB-CONFIG-STATEMENT-FILES-UNKNOWN",
                f"CLOSEBOOK_STATEMENT_FILES is {text!r}: write {' and '.join(STATEMENT_FILES)}, "
                "with a comma between them, or one of them, or leave it out",
            )
    return tuple(sorted(files))


def names(text: str) -> tuple[str, ...]:
    """Return the names of a list that commas separate."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def is_stamped(text: str) -> bool:
    """Return CLOSEBOOK_STAMPED_STATEMENTS: whether the second renderer makes statements."""
    if text not in ("", "on", "off"):
        raise Misconfigured(
            "CB-CONFIG-STAMPED-STATEMENTS-UNREADABLE",
            f"CLOSEBOOK_STAMPED_STATEMENTS is {text!r}: write on or off, or leave it out",
        )
    return text == "on"


def issuer_bic(text: str) -> str:
    """Return CLOSEBOOK_ISSUER_BIC, which may be empty."""
    bic = text.strip()
    if bic and not is_bic(bic):
        raise Misconfigured(
            "CB-CONFIG-ISSUER-BIC-UNREADABLE",
            f"CLOSEBOOK_ISSUER_BIC is {text!r}: write the BIC of 8 or 11 characters in capitals, "
            "such as EXMPUS33, or leave it out",
        )
    return bic


def issuer_lei(text: str) -> str:
    """Return CLOSEBOOK_ISSUER_LEI, which may be empty."""
    lei = text.strip()
    if lei and not is_lei(lei):
        raise Misconfigured(
            "CB-CONFIG-ISSUER-LEI-UNREADABLE",
            f"CLOSEBOOK_ISSUER_LEI is {text!r}: write the LEI of 20 characters in capitals, whose "
            "last two are its check digits, or leave it out",
        )
    return lei


def index_names(text: str) -> dict[str, str]:
    """Return CLOSEBOOK_INDEXES: by our name of an index the adopter's name."""
    pairs = [pair.partition("=") for pair in names(text)]
    if not all(ours and is_pair and yours for ours, is_pair, yours in pairs):
        raise Misconfigured(
            "CB-CONFIG-INDEXES-UNREADABLE",
            f"CLOSEBOOK_INDEXES is {text!r}: write ours=yours for each index, separated by commas",
        )
    return {ours.strip(): yours.strip() for ours, _, yours in pairs}


def major_amounts(text: str) -> frozenset[str]:
    """Return CLOSEBOOK_MAJOR_AMOUNTS: the views whose amounts are in major units."""
    views = frozenset(names(text))
    if not views <= VIEWS_WITH_AMOUNTS:  # guard: amounts.views-are-known
        raise Misconfigured(
            "CB-CONFIG-MAJOR-AMOUNTS-UNREADABLE",
            f"CLOSEBOOK_MAJOR_AMOUNTS is {text!r}: write the views whose amounts are in major "
            f"units, separated by commas: {', '.join(sorted(VIEWS_WITH_AMOUNTS))}",
        )
    return views


def key_types(text: str) -> KeyTypes | None:
    """Return CLOSEBOOK_KEYS: the types of the platform's keys, or None if it is empty."""
    if not text.strip():
        return None
    pairs = [pair.partition("=") for pair in names(text)]
    given = {name.strip(): key_type.strip() for name, _, key_type in pairs}
    try:
        types = {name: KeyType(key_type) for name, key_type in given.items()}
    except ValueError:
        types = {}
    # guard: keys.setting-is-understood
    if not types or not types.keys() <= set(KEY_NAMES) or len(types) != len(pairs):
        raise Misconfigured(
            "CB-CONFIG-KEYS-UNREADABLE",
            f"CLOSEBOOK_KEYS is {text!r}: write the type of each key that is no bigint, separated "
            f"by commas, such as accounts=uuid,entries=text; keys: {', '.join(KEY_NAMES)}; types: "
            f"{', '.join(KeyType)}",
        )
    return KeyTypes(**types)


def fence_grace(text: str) -> float:
    """Return CLOSEBOOK_FENCE_GRACE_SECONDS, or the default."""
    if not text.strip():
        return FENCE_GRACE_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    # guard: fence.grace-within-its-limits
    if not FENCE_GRACE_SECONDS <= seconds <= LONGEST_FENCE_GRACE_SECONDS:
        raise Misconfigured(
            "CB-CONFIG-FENCE-GRACE-UNREADABLE",
            f"CLOSEBOOK_FENCE_GRACE_SECONDS is {text!r}: write a number of seconds from "
            f"{FENCE_GRACE_SECONDS:g} to {LONGEST_FENCE_GRACE_SECONDS:g}, such as 2.5",
        )
    return seconds


def range_task_seconds(text: str) -> float:
    """Return CLOSEBOOK_RANGE_TASK_SECONDS, or the default."""
    if not text.strip():
        return RANGE_TASK_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= LONGEST_RANGE_TASK_SECONDS:
        raise Misconfigured(
            "CB-CONFIG-RANGE-TASK-UNREADABLE",
            f"CLOSEBOOK_RANGE_TASK_SECONDS is {text!r}: write a number of seconds from 0 to "
            f"{LONGEST_RANGE_TASK_SECONDS:g}, such as 120, or leave it out",
        )
    return seconds


def retention_years(text: str) -> int | None:
    """Return CLOSEBOOK_RETENTION_YEARS, or None if it is empty: then no line leaves the store."""
    years = text.strip()
    if not years:
        return None
    # guard: retention.years-are-a-number
    if not (years.isascii() and years.isdigit() and 1 <= int(years) <= MOST_YEARS):
        raise Misconfigured(
            "CB-CONFIG-RETENTION-UNREADABLE",
            f"CLOSEBOOK_RETENTION_YEARS is {text!r}: write a number of years from 1 to "
            f"{MOST_YEARS}, such as {DEFAULT_YEARS}, or leave it out",
        )
    return int(years)


def required(environment: Mapping[str, str], name: str) -> str:
    """Return a variable that must be set."""
    value = environment.get(name, "").strip()
    if not value:
        raise Misconfigured("CB-CONFIG-SETTING-MISSING", f"{name} is not set: see docs/settings.md")
    return value


def trusted_proxies(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the addresses and networks whose forwarded headers the API server believes.

    Raises Misconfigured for a value that is none, and for a network of about everybody.
    """
    proxies = names(environment.get("CLOSEBOOK_PROXIES", ""))
    for name in proxies:
        try:
            network = ip_network(name)
        except ValueError:
            network = None
        # guard: proxy.is-not-anybody
        if network is None or network.prefixlen < SHORTEST_PREFIX[network.version]:
            raise Misconfigured(
                "CB-CONFIG-PROXIES-UNREADABLE",
                f"CLOSEBOOK_PROXIES has {name!r}: write the proxy's IP address, or the network of "
                "its addresses such as 10.1.2.0/24, never one that clients are in",
            )
    return proxies
