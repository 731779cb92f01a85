"""The whole stack on one machine, without Docker: for the demo, the tests and the benchmarks."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

# As Airflow does with its plugins folder, so that `python -m local` finds the package closebook.
PLUGINS = str(REPOSITORY / "plugins")
if PLUGINS not in sys.path:
    sys.path.insert(0, PLUGINS)
