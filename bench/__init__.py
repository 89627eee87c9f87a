"""Benchmarks against a minimal Flask app: `make bench`."""
