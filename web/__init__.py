"""Everything that routes share: the record of a request, authentication, bodies, errors, logs."""
