"""A sandbox's state: all its content as one JSON document that people read and edit."""
