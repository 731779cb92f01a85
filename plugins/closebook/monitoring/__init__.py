"""The health of the platform's servers: measured, judged, kept, and shown as metrics."""
