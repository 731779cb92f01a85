"""The statement for programs: ISO 20022 XML and CSV."""
