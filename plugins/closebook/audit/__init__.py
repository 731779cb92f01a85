"""The audit: register, manifests, document store, decisions and log against one another."""
