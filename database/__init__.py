"""Connections, locks, transactions and column types; nothing here knows what a table means."""
