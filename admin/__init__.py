"""The admin API, which vcita does not have: for people who test against this server."""
