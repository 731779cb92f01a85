"""Measurements: each prints a table and writes JSON into benchmarks/results/."""

import local  # noqa: F401  # puts plugins/ on the path
