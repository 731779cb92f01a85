"""The statement as files for programs: ISO 20022 camt.053 XML, and CSV."""
