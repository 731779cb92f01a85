"""Which tests share a worker of pytest-xdist, and so the stack that it starts."""

from xdist.scheduler.loadscope import LoadScopeScheduling

AIRFLOW = "airflow"
ON_AIRFLOW = (
    "tests/airflow/",
    "tests/desk/",
    "tests/faults/test_runs.py",
    "tests/local/test_stack.py",
)

LONGEST = (
    *ON_AIRFLOW,
    "tests/adoption/test_adoptions.py",
    "tests/local/test_cluster.py",
    "tests/benchmarks/",
    "tests/local/test_demo.py",
    "tests/versions/",
    "tests/test_compose_services.py",
)
"""What takes minutes. It begins first, so that no worker is left alone with it at the end."""


class ByStack(LoadScopeScheduling):  # type: ignore[misc]
    """Runs the tests of a module on one worker, since they share databases.

    All tests that need the session's Airflow run on one worker too: it takes a minute to start, and
    a gigabyte.

    pytest-xdist 3.8 has groups by marks, but under pytest 9.2 it does not see them.
    """

    def _split_scope(self, nodeid: str) -> str:
        return AIRFLOW if nodeid.startswith(ON_AIRFLOW) else nodeid.partition("::")[0]
