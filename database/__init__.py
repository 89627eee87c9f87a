"""Connections, locks, transactions and column types, without domain logic."""
