"""Responding as vcita does: its routes, and the document that describes them."""
