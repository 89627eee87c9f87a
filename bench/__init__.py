"""How fast the server is beside a bare Flask: `make bench`."""
