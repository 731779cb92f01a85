"""The events of released statements, and their way to a message broker."""
