"""The platform's volume as one document in Redis."""
