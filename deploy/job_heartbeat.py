"""A health check of docker-compose.yml: whether a job of Airflow on this host sends heartbeats.

Run as `python job_heartbeat.py SchedulerJob`. It asks Airflow's database, as `airflow jobs check`
does, without importing Airflow, which takes four seconds of a processor.
"""

import os
import socket
import sys

import psycopg

_RECENT_HEARTBEAT = """
select exists(
    select 1
    from job
    where
        job_type = %s
        and hostname = %s
        and state = 'running'
        and latest_heartbeat > now() - interval '60 seconds'
)
"""


def has_heartbeat(job_type: str) -> bool:
    """Return whether a job of this type on this host sent a heartbeat within a minute."""
    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg", "", 1)
    with psycopg.connect(url, connect_timeout=10, prepare_threshold=None) as metadata:
        row = metadata.execute(_RECENT_HEARTBEAT, [job_type, socket.gethostname()]).fetchone()
    return row is not None and bool(row[0])


if __name__ == "__main__":
    sys.exit(0 if has_heartbeat(sys.argv[1]) else 1)
