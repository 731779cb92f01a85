"""A draft of the source contract for a platform of one's own, from the catalog of its database."""
