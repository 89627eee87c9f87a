"""The admin API, which vcita does not have; it is for people who test against this server."""
