class MalformedSecret(ValueError):
    """A link or image key that is not 32 characters of the URL-safe base64 alphabet (RFC 4648 §5)."""


class MalformedServerKey(ValueError):
    """A server key that is not 32 bytes in URL-safe base64, or a list without one."""


class Unopenable(Exception):
    """Sealed bytes that these keys do not open: altered, cut short, moved, expiry moved, or a wrong secret.

    It doesn't say which, so that nobody learns anything by trying (an oracle).
    """


class PasswordNeeded(Exception):
    """The image opens only with a password, and none was given."""


class WrongPassword(Exception):
    """A password that does not open the image."""


class BadToken(Exception):
    """A login token that this server did not sign, or that is no token of its kind."""
