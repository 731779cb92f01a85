"""``python -m closebook``: the same as the command ``closebook``."""

import sys

from closebook.cli import main

sys.exit(main())
