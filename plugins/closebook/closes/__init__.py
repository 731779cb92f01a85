"""The closes of the hour, the day and the month: what they read, prove and write."""
