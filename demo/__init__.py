"""The demo data, and the commands."""
