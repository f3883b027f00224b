"""Which connectors are in service."""
