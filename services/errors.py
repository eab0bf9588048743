def whole_minutes(seconds: int) -> int:
    """Round a wait of two minutes or more up to whole minutes; both in seconds."""
    return seconds if seconds < 120 else -(-seconds // 60) * 60


def _words_for(wait: int) -> str:
    """Write a wait of so many seconds as people read it."""
    rounded = whole_minutes(wait)
    return f"{rounded} seconds" if rounded < 120 else f"{rounded // 60} minutes"


class ServiceError(Exception):
    """A state of the domain that a client is told about; the message is one sentence that says how to mend it."""


class ImageGone(ServiceError):
    """Missing, expired, used up, unreadable or a wrong link: clients are not told which."""

    def __init__(self) -> None:
        super().__init__("There is no image at this link: it never was, or its time is over.")


class OpensByPostOnly(ServiceError):
    """An image with limited views or a password, asked for by GET, as link previews do."""

    def __init__(self, link: str) -> None:
        super().__init__("This image opens only by POST, so that no link preview uses it up.")
        self.link = link


class FormNotMade(ServiceError):
    """A GIF or an AVIF of an image that is none, or one of another size."""

    def __init__(self) -> None:
        super().__init__(
            "GIF and AVIF are not made of other images; ask for png, jpg or webp, or the image as it is."
        )


class PasswordAsked(ServiceError):
    """The image opens only with a password, and none came."""

    def __init__(self) -> None:
        super().__init__("This image has a password; send it as the form field `password` or as HTTP Basic.")


class PasswordWrong(ServiceError):
    """The password does not open the image; no view was counted."""

    def __init__(self) -> None:
        super().__init__("The password is wrong; no view was counted.")


class TooManyGuesses(ServiceError):
    """One client's attempts at an image's password were too many, over all processes."""

    def __init__(self, pause: int) -> None:
        super().__init__(
            f"There were too many attempts at this image's password from your address; wait {pause} seconds."
        )
        self.retry_after = pause


class TooManyRequests(ServiceError):
    """One client does something more often than it may, or all clients together do; ``limit`` names which limit."""

    def __init__(self, limit: str, doing: str, pause: int, *, in_all: bool) -> None:
        whose = "this server has" if in_all else "your address has made"
        super().__init__(f"Too many {doing}: {whose} as many as it may; try again in {_words_for(pause)}.")
        self.limit = limit
        self.retry_after = pause


class BadLifetime(ServiceError):
    """A lifetime outside of what this server allows."""

    def __init__(self, longest: int) -> None:
        super().__init__(f"lifetime is at most {longest} seconds on this server; ask for less.")


class UploadCodeAsked(ServiceError):
    """Something that takes an upload code, and the request has none."""

    def __init__(self) -> None:
        super().__init__(
            "This server asks for an upload code; send it as the header Upload-Code, as the field upload_code, or as"
            " the user name of HTTP Basic (curl -u CODE:)."
        )


class UploadCodeWrong(ServiceError):
    """An upload code that the operator gave nobody, or has taken back."""

    def __init__(self) -> None:
        super().__init__(
            "No such upload code is good here; check it, or ask whoever runs this server for one."
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
    """A cursor that this server did not give to this caller."""

    def __init__(self) -> None:
        super().__init__("cursor is none that this list gave; leave it out to start from the newest image.")


class StorageFull(ServiceError):
    """No room for another image until older ones have expired; nothing was stored."""

    retry_after = 30

    def __init__(self) -> None:
        super().__init__("The storage is full until older images expire; try again in a minute.")


class UploadsOff(ServiceError):
    """The operator has turned uploads off; everything else goes on."""

    retry_after = 60

    def __init__(self) -> None:
        super().__init__("Uploads are turned off at the moment by whoever runs this server; try again later.")


class ImageBlocked(ServiceError):
    """An image that the operator has blocked, by the bytes that came or by those that would be stored."""

    def __init__(self) -> None:
        super().__init__("This image is blocked by whoever runs this server; send another one.")


class QuotaReached(ServiceError):
    """As many images or bytes live as one uploader may have at a time; nothing was stored."""

    whose = ""

    def __init__(self, most: int, seconds: int | None, *, images: bool) -> None:
        self.retry_after = max(1, seconds or 1)
        many = f"{most} living images" if images else f"{most} bytes of living images"
        mend = (
            f"delete one, or come back in {_words_for(self.retry_after)}"
            if seconds
            else "send less at a time"
        )
        super().__init__(f"{self.whose} may have {many} at a time; {mend}.")


class ClientQuotaReached(QuotaReached):
    """What came from one address, with an account or without."""

    whose = "One address"


class OwnerQuotaReached(QuotaReached):
    """What one account owns, wherever it came from."""

    whose = "One account"


class Overloaded(ServiceError):
    """The process does something as often at a time as it may, and no turn came free in time."""

    retry_after = 5

    def __init__(self, busy: str = "The server has as many images in hand as it can hold") -> None:
        super().__init__(f"{busy}; try again in a few seconds.")


class BodyCutShort(ServiceError):
    """The client ended before its body did."""

    def __init__(self) -> None:
        super().__init__("The body ended before its end was told; send it again.")


class TooSlow(ServiceError):
    """A body came too slowly, or stopped before its end."""

    def __init__(self) -> None:
        super().__init__("The body came too slowly, or stopped on the way; send it again.")


class DatabaseAway(ServiceError):
    """PostgreSQL can't be reached or doesn't answer in time.

    Nothing was confirmed. Where only PostgreSQL's answer was lost, the change may have been made all the same.
    """

    retry_after = 2

    def __init__(self) -> None:
        super().__init__("The database can't be reached at the moment; try again in a few seconds.")


class NotEverywhere(DatabaseAway):
    """An operator's order that was carried out in some databases, while others were away."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__()
        self.args = (
            f"The order is not in every database, since some are away ({', '.join(missing)}); give it again when they"
            " answer.",
        )
