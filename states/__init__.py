"""A sandbox's state: all its content as a JSON document that people can edit."""
