"""One start of an Airflow run, and whether its configuration was given for that start.

A run starts when it is made, and again each time that somebody clears it or a backfill reprocesses
it. Airflow keeps the configuration of the start before, unless a backfill overrides it, and does
not tell a task which of the two happened. So the reporting store keeps a hash of the configuration
of each start. A reason that was given for one start does not count for another one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from closebook.settings import Settings
from closebook.sql import query
from closebook.store.session import on_store

_SCHEDULED = "scheduled__"


@dataclass(frozen=True)
class RunStart:
    """A start of a run. ``clear_number`` is 0 for the first one; Airflow adds 1 for each other."""

    dag_id: str
    run_id: str
    clear_number: int
    conf: Mapping[str, Any] = field(repr=False)

    @property
    def conf_sha256(self) -> str:
        """The hash of the configuration; equal configurations have equal hashes."""
        return _hash(self.conf)

    def record(self, settings: Settings) -> bool:
        """Record the start; return whether the run's configuration was given for it.

        True for the run's first start, and when the configuration differs from that of the start
        before. False when the start before was not recorded; only the first start by the schedule
        needs no record, since it has no configuration. Raises Transient.
        """
        start = {
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "clear_number": self.clear_number,
            "conf_sha256": self.conf_sha256,
        }
        with on_store(settings) as store:
            before = store.execute(query("run_starts/insert"), start).fetchone()
        return self.has_own_conf(None if before is None else before["conf_sha256"])

    def has_own_conf(self, conf_sha256_before: str | None) -> bool:
        """Whether the configuration was given for this start, by the hash of the one before."""
        if self.clear_number == 0:
            return True
        if conf_sha256_before is None and self.clear_number == 1 and self._is_of_schedule:
            # The schedule starts its runs without a configuration. Airflow refuses such an id for
            # a run that a person makes.
            conf_sha256_before = _hash({})
        # guard: issue.reason-belongs-to-one-start
        return conf_sha256_before is not None and conf_sha256_before != self.conf_sha256

    @property
    def _is_of_schedule(self) -> bool:
        return self.run_id.startswith(_SCHEDULED)


def _hash(conf: Mapping[str, Any]) -> str:
    return sha256(json.dumps(conf, sort_keys=True, default=str).encode()).hexdigest()
