"""Private copies of all data: their lifecycle and request journals."""
