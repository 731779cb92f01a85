"""The settings: Airflow connections for servers, CLOSEBOOK_* environment variables for the rest.

A task reads them when it runs. No DAG file reads them while it is parsed. What a close needs can be
imported from here; all else from the module of those who need it.
"""

from closebook.settings.close_settings import (
    Replica,
    Run,
    Settings,
    from_airflow,
    partly_from_airflow,
    platform_from_airflow,
)

__all__ = [
    "Replica",
    "Run",
    "Settings",
    "from_airflow",
    "partly_from_airflow",
    "platform_from_airflow",
]
