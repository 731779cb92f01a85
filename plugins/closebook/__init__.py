"""Closebook: exact hourly, daily and monthly closes of a payment platform, off its replicas."""

__version__ = "0.1.0"
