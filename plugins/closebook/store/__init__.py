"""The reporting store: sessions, migrations, and the hash chain of the desk's log."""
