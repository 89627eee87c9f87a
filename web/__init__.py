"""Shared request handling: the record of a request, authentication, bodies, errors, logs."""
