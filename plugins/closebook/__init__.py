"""Exact hourly, daily and monthly closes of a payment platform, read from its replicas."""

__version__ = "0.1.0"
