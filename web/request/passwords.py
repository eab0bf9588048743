"""Passwords in requests: in a form field or by HTTP Basic, never in a URL, which logs and histories keep."""

from __future__ import annotations

from typing import Annotated

from flask import Request
from pydantic import AfterValidator, Field

from web.answer.errors import BadRequest
from web.request.forms import read_form
from web.request.strict import Strict, read_values

MAX_PASSWORD_BYTES = 1024


def _check(password: str | None) -> str | None:
    if password and (len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES or "\0" in password):
        raise ValueError(f"may have {MAX_PASSWORD_BYTES} bytes at most, and no NUL in it")
    return password


def _check_new(password: str | None) -> str | None:
    """Refuse an empty one, too: it may come from a shell variable that isn't set, and would protect nothing."""
    if password == "":
        raise ValueError("is empty; give one, or leave it out altogether")
    return _check(password)


NO_NUL = r"^[^\x00]*$"
_SCHEMA = {"maxLength": MAX_PASSWORD_BYTES, "pattern": NO_NUL}
Password = Annotated[
    str | None, AfterValidator(_check), Field(description="must be text", json_schema_extra=_SCHEMA)
]
"""The password that opens an image; an empty one is none."""
NewPassword = Annotated[
    str | None,
    AfterValidator(_check_new),
    Field(description="must be text", json_schema_extra={**_SCHEMA, "minLength": 1}),
]
"""The password that an image is to have."""


class Opening(Strict):
    """The form that opens an image."""

    password: Password = None


def read_password(request: Request, field: str | None) -> str | None:
    """Take the password of a form field or of HTTP Basic; an empty one is none. Raises BadRequest."""
    password = next(filter(None, passwords_in(request, field)), None)
    return read_values(Opening, {"password": password}).password


def passwords_in(request: Request, field: str | None) -> list[str]:
    """Return the passwords of a form field and of HTTP Basic, at most one that isn't empty; raises BadRequest."""
    authorization = request.authorization
    basic = authorization.password if authorization and authorization.type == "basic" else None
    if basic == "" and authorization and authorization.username:
        basic = (
            None  # `-u CODE:` has an upload code and no password; `-u :$PASSWORD` may be one that isn't set
        )
    if field and basic:
        raise BadRequest("bad_password", "password is given both as a field and as HTTP Basic; give it once.")
    return [password for password in (field, basic) if password is not None]


def read_opening(request: Request) -> str | None:
    """Read the password of a request that opens an image and asks nothing else; raises BadRequest."""
    refuse_password_in_url(request)
    return read_password(request, read_form(request, Opening).password)


def refuse_password_in_url(request: Request) -> None:
    """Refuse a password in the query, where logs and histories would keep it; raises BadRequest."""
    if "password" in request.args:
        raise BadRequest(
            "password_in_url",
            "A password must not stand in a URL; send it as a form field or with curl -u :PASSWORD.",
        )
