"""The types of JSON fields: how each is validated in requests and serialized in responses."""
