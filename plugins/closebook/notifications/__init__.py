"""What people are told of: months, requests, late closes and health, at most once each."""
