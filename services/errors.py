import copyreg
from typing import Any


def whole_minutes(seconds: int) -> int:
    """Return ``seconds``, rounded up to whole minutes from two minutes on."""
    return seconds if seconds < 120 else -(-seconds // 60) * 60


def _duration_text(wait: int) -> str:
    """Write a number of seconds as text: ``90 seconds`` or ``5 minutes``."""
    rounded = whole_minutes(wait)
    return f"{rounded} seconds" if rounded < 120 else f"{rounded // 60} minutes"


class ServiceError(Exception):
    """An error of the domain that clients are told; its message is one sentence that says what to do about it."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Restore a pickled error by its message: many take something else, or nothing, when they are raised."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class ImageGone(ServiceError):
    """The image is missing, has expired, is used up or unreadable, or the link is wrong; clients are not told which."""

    def __init__(self) -> None:
        super().__init__("There is no image at this link: it never was, or its time is over.")


class OpensByPostOnly(ServiceError):
    """A GET, such as that of a link preview, asks for an image with limited views or a password."""

    def __init__(self, link: str) -> None:
        super().__init__("This image opens only by POST, so that no link preview uses it up.")
        self.link = link


class FormNotMade(ServiceError):
    """The request asks for a GIF or an AVIF that would have to be made: from another format, or in another size."""

    def __init__(self) -> None:
        super().__init__(
            "GIF and AVIF are not made of other images; ask for png, jpg or webp, or the image as it is."
        )


class PasswordAsked(ServiceError):
    """The image opens only with a password, and the request has none."""

    def __init__(self) -> None:
        super().__init__("This image has a password; send it as the form field `password` or as HTTP Basic.")


class PasswordWrong(ServiceError):
    """The password does not open the image; no view was counted."""

    def __init__(self) -> None:
        super().__init__("The password is wrong; no view was counted.")


class TooManyGuesses(ServiceError):
    """One client has tried an image's password too often, counted over all processes."""

    def __init__(self, pause: int) -> None:
        super().__init__(
            f"There were too many attempts at this image's password from your address; wait {pause} seconds."
        )
        self.retry_after = pause


class TooManyRequests(ServiceError):
    """A rate limit is reached, by one client or by all clients together; ``limit`` is its name in RATE_LIMITS."""

    def __init__(self, limit: str, doing: str, pause: int, *, in_all: bool) -> None:
        whose = "this server has" if in_all else "your address has made"
        super().__init__(
            f"Too many {doing}: {whose} as many as it may; try again in {_duration_text(pause)}."
        )
        self.limit = limit
        self.retry_after = pause


class BadLifetime(ServiceError):
    """The lifetime is longer than this server allows."""

    def __init__(self, longest: int) -> None:
        super().__init__(f"lifetime is at most {longest} seconds on this server; ask for less.")


class UploadCodeAsked(ServiceError):
    """The request needs an upload code, and has none."""

    def __init__(self) -> None:
        super().__init__(
            "This server asks for an upload code; send it as the header Upload-Code, as the field upload_code, or as"
            " the user name of HTTP Basic (curl -u CODE:)."
        )


class UploadCodeWrong(ServiceError):
    """The upload code is none of the operator's, or none any more."""

    def __init__(self) -> None:
        super().__init__(
            "This upload code is not valid here; check it, or ask whoever runs this server for one."
        )


class UploadsClosed(ServiceError):
    """The operator lets nobody upload."""

    def __init__(self) -> None:
        super().__init__(
            "This server takes no uploads; images that are here can still be opened and deleted. Ask whoever runs it."
        )


class RegistrationClosed(ServiceError):
    """The operator lets nobody register."""

    def __init__(self) -> None:
        super().__init__("This server opens no accounts; ask whoever runs it for one, or log in.")


class BadCursor(ServiceError):
    """The cursor is not one that this server gave to this owner."""

    def __init__(self) -> None:
        super().__init__("cursor is not one from this list; leave it out to start from the newest image.")


class StorageFull(ServiceError):
    """There is no room for the image until older ones expire; nothing was stored."""

    retry_after = 30

    def __init__(self) -> None:
        super().__init__("The storage is full until older images expire; try again in a minute.")


class UploadsOff(ServiceError):
    """The operator has turned uploads off; all other requests are served."""

    retry_after = 60

    def __init__(self) -> None:
        super().__init__("Uploads are turned off at the moment by whoever runs this server; try again later.")


class ImageBlocked(ServiceError):
    """The operator has blocked the image, by the SHA-256 of the file sent or of the file that would be stored."""

    def __init__(self) -> None:
        super().__init__("This image is blocked by whoever runs this server; send another one.")


class QuotaReached(ServiceError):
    """The uploader has as many living images or bytes as it may have; nothing was stored."""

    whose = ""

    def __init__(self, most: int, seconds: int | None, *, images: bool) -> None:
        self.retry_after = max(1, seconds or 1)
        many = f"{most} living images" if images else f"{most} bytes of living images"
        mend = (
            f"delete one, or come back in {_duration_text(self.retry_after)}"
            if seconds
            else "send less at a time"
        )
        super().__init__(f"{self.whose} may have {many} at a time; {mend}.")


class ClientQuotaReached(QuotaReached):
    """The quota of a client address, with an account or without, is reached."""

    whose = "One address"


class OwnerQuotaReached(QuotaReached):
    """The quota of an account, from all addresses together, is reached."""

    whose = "One account"


class Overloaded(ServiceError):
    """A budget of this process is used up: its queue is full, or the request has waited too long."""

    retry_after = 5

    def __init__(self, busy: str = "The server holds as many images in memory as it can") -> None:
        super().__init__(f"{busy}; try again in a few seconds.")


class BodyCutShort(ServiceError):
    """The client closed the connection before the end of its body."""

    def __init__(self) -> None:
        super().__init__("The connection was closed before the end of the body; send it again.")


class TooSlow(ServiceError):
    """The body came too slowly, or stopped before its end."""

    def __init__(self) -> None:
        super().__init__("The body came too slowly, or stopped on the way; send it again.")


class DatabaseAway(ServiceError):
    """PostgreSQL can't be reached or doesn't answer in time.

    It is not known whether the request took effect: perhaps only PostgreSQL's answer to the commit was lost.
    """

    retry_after = 2

    def __init__(self) -> None:
        super().__init__("The database can't be reached at the moment; try again in a few seconds.")


class NotEverywhere(DatabaseAway):
    """An operator's order took effect in some databases, while others were away."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__()
        self.args = (
            f"Some databases are away ({', '.join(missing)}), and the order is not in effect there; give it again when"
            " they answer.",
        )
