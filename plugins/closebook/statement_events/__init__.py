"""Publishing the events of released statements on a message broker."""
