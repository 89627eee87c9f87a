"""The types of JSON fields: what each takes from a request, and what each shows in a response."""
