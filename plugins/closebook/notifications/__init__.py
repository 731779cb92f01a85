"""Messages by mail and webhook about months, requests, late closes and health alerts."""
