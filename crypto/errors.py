class MalformedSecret(ValueError):
    """A link or an image key is not 32 characters of the URL-safe base64 alphabet (RFC 4648 §5)."""


class MalformedServerKey(ValueError):
    """A server key is not 32 bytes in URL-safe base64, or the list of server keys is empty."""


class Unopenable(Exception):
    """These keys don't open the sealed bytes: they were changed, truncated or moved, the expiry was changed, or the
    secret is wrong.

    The error doesn't say which, so that it can't be used as an oracle.
    """


class PasswordNeeded(Exception):
    """The image opens only with a password, and none was given."""


class WrongPassword(Exception):
    """The password does not open the image, or is not the account's."""


class BadToken(Exception):
    """A login token is not signed by this server, or doesn't have the expected claims."""
