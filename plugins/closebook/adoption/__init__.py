"""A draft of the five views of the source contract, from the catalog of a platform's database."""
