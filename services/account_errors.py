"""States of accounts, logins and API keys that a client is told about."""

from services.errors import ServiceError


class AccountAsked(ServiceError):
    """Something that only an account may do, and the request has no token."""

    def __init__(self) -> None:
        super().__init__(
            "This needs an account; send the token of /api/login, or an API key, as the Authorization header."
        )


class TokenRefused(ServiceError):
    """A token that is forged, over its time, ended by a change of password, or of an account that is gone."""

    def __init__(self) -> None:
        super().__init__("This token or API key is no good, or no longer; get another token from /api/login.")


class LoginRefused(ServiceError):
    """A wrong login or a wrong password: clients are not told which."""

    def __init__(self) -> None:
        super().__init__("No account has this login and this password; check both, or register.")


class CurrentPasswordWrong(ServiceError):
    """The password that was to be changed is another one."""

    def __init__(self) -> None:
        super().__init__("password is not this account's present one; nothing was changed.")


class NameTaken(ServiceError):
    """A login or an email address that an account has already."""

    def __init__(self) -> None:
        super().__init__("This login or this email has an account already; choose another, or log in.")


class TooManyLogins(ServiceError):
    """One client's attempts at a login were too many, whether or not an account has it, over all processes."""

    def __init__(self, pause: int) -> None:
        super().__init__(
            f"There were too many attempts at this login from your address; wait {pause} seconds."
        )
        self.retry_after = pause


class KeyNotEnough(ServiceError):
    """Something about passwords or API keys, and the request came with an API key."""

    def __init__(self) -> None:
        super().__init__(
            "An API key is not good for passwords and keys; log in, and send the token of /api/login instead."
        )


class TooManyKeys(ServiceError):
    """An account has as many API keys as it may."""

    def __init__(self, most: int) -> None:
        super().__init__(f"An account has {most} API keys at most; delete one that is not used any more.")


class KeyGone(ServiceError):
    """An id of no API key of this account."""

    def __init__(self) -> None:
        super().__init__("This account has no API key with that id; /api/me/keys lists those it has.")
