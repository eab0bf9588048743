"""Where a password may stand in a request: a form field or HTTP Basic, never a URL, which logs and histories keep."""

from __future__ import annotations

from flask import Request

from web.answer.errors import BadRequest
from web.request.body import read_fields

MAX_PASSWORD_BYTES = 1024


def read_password(request: Request, field: str | None) -> str | None:
    """Take the password of a form field or of HTTP Basic; an empty one is none. Raises BadRequest."""
    basic = _basic(request)
    if field and basic:
        raise BadRequest("bad_password", "password is given both as a field and as HTTP Basic; give it once.")
    password = field or basic or None
    if password and (len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES or "\0" in password):
        raise BadRequest(
            "bad_password", f"password may have {MAX_PASSWORD_BYTES} bytes at most, and no NUL in it."
        )
    return password


def read_new_password(request: Request, field: str | None) -> str | None:
    """Take the password that an upload is to have; raises BadRequest, for an empty one too.

    Who sends an empty one, out of a shell variable that isn't set for example, meant to protect the image.
    """
    if "" in {field, _basic(request)}:
        raise BadRequest("bad_password", "password is empty; give one, or leave it out altogether.")
    return read_password(request, field)


def _basic(request: Request) -> str | None:
    authorization = request.authorization
    return authorization.password if authorization and authorization.type == "basic" else None


def read_opening(request: Request) -> str | None:
    """Read the password of a request that opens an image and asks nothing else; raises BadRequest."""
    refuse_password_in_url(request)
    fields = read_fields(request)
    if set(fields) - {"password"}:
        raise BadRequest("unknown_option", "The form that opens an image has only the field password.")
    return read_password(request, fields.get("password"))


def refuse_password_in_url(request: Request) -> None:
    """Refuse a password in the query, where logs and histories would keep it; raises BadRequest."""
    if "password" in request.args:
        raise BadRequest(
            "password_in_url",
            "A password must not stand in a URL; send it as a form field or with curl -u :PASSWORD.",
        )
