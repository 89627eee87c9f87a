"""The errors of the database layer itself; all others are the driver's or SQLAlchemy's."""


class OutOfTime(Exception):
    """A turn did not come in time."""


class UnknownOutcome(Exception):
    """The server was lost during a commit, and can't tell whether it was carried out."""
