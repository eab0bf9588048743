class ServiceError(Exception):
    """A state of the domain that a client is told about; the message is one sentence that says how to mend it."""


class ImageGone(ServiceError):
    """Missing, expired, used up, unreadable or a wrong link: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("There is no image at this link: it never was, or its time is over.")


class BadLifetime(ServiceError):
    """A lifetime outside of what this server allows."""

    def __init__(self, longest: int) -> None:
        super().__init__(f"lifetime is at most {longest} seconds on this server; ask for less.")


class DatabaseAway(ServiceError):
    """PostgreSQL can't be reached or doesn't answer in time; nothing was stored or counted."""

    def __init__(self) -> None:
        super().__init__("The database can't be reached at the moment; try again in a few seconds.")
