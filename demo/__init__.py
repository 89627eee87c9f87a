"""The demo data, generated data, and the commands that load them."""
