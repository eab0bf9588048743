"""Login tokens: JWTs (RFC 7519) with one fixed algorithm, signed with a key that signs nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from crypto.errors import BadToken
from crypto.keys import derive
from crypto.server_keys import ServerKeys

ALGORITHM = "HS256"
LONGEST_TOKEN = 1024
LARGEST_NUMBER = 2**40  # beyond any version and any time, and within what a database can compare
_CLAIMS = ("sub", "ver", "iat", "exp")
# PyJWT would check the times by this machine's clock. Callers check them by the database's clock instead.
_OPTIONS = {"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False}


@dataclass(frozen=True)
class Claims:
    """The claims of a token with a valid signature; the caller has to check ``expires_at``, in seconds since 1970."""

    owner: UUID
    version: int
    expires_at: int


def issue_token(server_keys: ServerKeys, claims: Claims, *, at: int) -> str:
    """Sign a token with a key derived from the newest server key; ``at`` is the time of issue, in seconds since
    1970."""
    import jwt  # here, since it takes 5 MB and few requests need it

    payload = {"sub": str(claims.owner), "ver": claims.version, "iat": at, "exp": claims.expires_at}
    return jwt.encode(payload, _token_key(server_keys.newest), ALGORITHM)


def read_token(server_keys: ServerKeys, token: str) -> Claims:
    """Check a token's signature with every server key and read its claims; raises BadToken."""
    import jwt

    if len(token) > LONGEST_TOKEN:
        raise BadToken
    for server_key in server_keys:
        try:
            payload = jwt.decode(token, _token_key(server_key), [ALGORITHM], _OPTIONS)  # type: ignore[arg-type]
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, ValueError):
            raise BadToken from None
        return _claims(payload)
    raise BadToken


def _claims(payload: dict[str, object]) -> Claims:
    # The signature is valid, so other types than those of issue_token come only from a holder of the server key.
    owner, version, expires_at = payload["sub"], payload["ver"], payload["exp"]
    if not (isinstance(owner, str) and isinstance(version, int) and isinstance(expires_at, int)):
        raise BadToken
    if not (0 <= version < LARGEST_NUMBER and 0 <= expires_at < LARGEST_NUMBER):
        raise BadToken
    try:
        return Claims(UUID(owner), version, expires_at)
    except ValueError:
        raise BadToken from None


def _token_key(server_key: bytes) -> bytes:
    return derive(server_key, "mayfly/v1/token")
