"""The reporting store: sessions, migrations, and the chain of the desk's log."""
