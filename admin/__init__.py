"""What vcita does not have: controls for people who test against this server."""
