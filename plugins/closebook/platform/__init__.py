"""The platform's servers: the fence on the primary, and reads on replicas."""
