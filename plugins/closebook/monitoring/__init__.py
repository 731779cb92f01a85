"""The health of the platform's servers: it is measured, compared with thresholds, and stored."""
