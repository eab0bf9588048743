"""Errors about accounts, logins and API keys, which clients are told."""

from services.errors import ServiceError


class AccountAsked(ServiceError):
    """The request needs an account, and has neither a token nor an API key."""

    def __init__(self) -> None:
        super().__init__(
            "This needs an account; send the token of /api/login, or an API key, as the Authorization header."
        )


class TokenRefused(ServiceError):
    """The token or API key is forged, has expired, was revoked, or belongs to a deleted account."""

    def __init__(self) -> None:
        super().__init__(
            "This token or API key is not valid, or no longer; get another token from /api/login."
        )


class LoginRefused(ServiceError):
    """The login or the password is wrong; clients are not told which."""

    def __init__(self) -> None:
        super().__init__("No account has this login and this password; check both, or register.")


class CurrentPasswordWrong(ServiceError):
    """The current password, which a change of password asks for, is wrong."""

    def __init__(self) -> None:
        super().__init__("password is not this account's current password; nothing was changed.")


class NameTaken(ServiceError):
    """An account with this login or this email address exists already."""

    def __init__(self) -> None:
        super().__init__("This login or this email has an account already; choose another, or log in.")


class TooManyLogins(ServiceError):
    """One client has made too many attempts at a login, counted over all processes, whether or not the login exists."""

    def __init__(self, pause: int) -> None:
        super().__init__(
            f"There were too many attempts at this login from your address; wait {pause} seconds."
        )
        self.retry_after = pause


class KeyNotEnough(ServiceError):
    """The request would change a password or API keys, and is authenticated by an API key only."""

    def __init__(self) -> None:
        super().__init__(
            "An API key can't change passwords or keys; log in, and send the token of /api/login instead."
        )


class TooManyKeys(ServiceError):
    """The account has as many API keys as it may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"An account has {most} API keys at most; delete one that is not used any more.")


class KeyGone(ServiceError):
    """The account has no API key with this id."""

    def __init__(self) -> None:
        super().__init__("This account has no API key with that id; /api/me/keys lists those it has.")
