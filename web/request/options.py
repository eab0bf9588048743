"""What an uploader asks for, read strictly: a typo in `lifetime` must not become a longer life."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from flask import Request

from services import Wishes
from units import parse_duration
from web.answer.errors import BadRequest
from web.request.body import Body
from web.request.filenames import in_query
from web.request.links import split_name
from web.request.passwords import read_new_password, refuse_password_in_url

OPTIONS = (
    "lifetime",
    "views",
    "password",
    "filename",
    "description",
    "metadata",
    "model_id",
    "keep_metadata",
)
MAX_VIEWS = 100
MAX_DESCRIPTION_CHARACTERS = 4000
MAX_METADATA_BYTES = 16 * 1024
MAX_MODEL_ID_BYTES = 255


def read_wishes(request: Request, body: Body, filename: str | None = None) -> Wishes:
    """Read the options of an upload from its form fields and its query; ``filename`` stands in a PUT's path.

    Raises BadRequest that names the option and says how to mend it.
    """
    given = _collect(request, body.fields)
    return make_wishes(given, read_new_password(request, given.get("password")), filename or body.filename)


def make_wishes(given: Mapping[str, Any], password: str | None, filename: str | None = None) -> Wishes:
    """Check options given as text, ``metadata`` as an object too; raises BadRequest that names the option."""
    lifetime, views, metadata = given.get("lifetime"), given.get("views"), given.get("metadata")
    return Wishes(
        lifetime=None if lifetime is None else _lifetime(lifetime),
        views=None if views is None else _views(views),
        password=password,
        filename=given.get("filename") or filename,
        description=_description(given.get("description")),
        metadata=_metadata(metadata) if metadata else None,
        model_id=_model_id(given.get("model_id")),
        keep_metadata=_switch("keep_metadata", given.get("keep_metadata", "0")),
    )


def _collect(request: Request, fields: Mapping[str, str]) -> dict[str, str]:
    refuse_password_in_url(request)
    query = [(name, value) for name in request.args for value in request.args.getlist(name)]
    given: dict[str, str] = {}
    for name, value in (*fields.items(), *query):
        if name not in OPTIONS:
            raise BadRequest(
                "unknown_option", f"There is no option {_shown(name)}; there are: {', '.join(OPTIONS)}."
            )
        if name in given:
            raise BadRequest("repeated_option", f"{name} is given twice; give it once.")
        if "\0" in value and name != "filename":
            _refuse(name, "must not hold a NUL character; remove it")
        given[name] = value
    if "filename" in request.args:
        given["filename"] = in_query(request)
    return given


def _shown(name: str) -> str:
    return f"`{name}`" if name.isidentifier() and len(name) <= 40 else "of that name"


def _refuse(name: str, why: str) -> NoReturn:
    raise BadRequest(f"bad_{name}", f"{name} {why}.")


def _lifetime(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        _refuse("lifetime", f"can't be read: {error}")


def _views(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_VIEWS):
        _refuse("views", f"is a whole number from 1 to {MAX_VIEWS}")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text not in {"0", "1", "false", "true", ""}:
        _refuse(name, "is 1 or 0")
    return text in {"1", "true"}


def _description(text: str | None) -> str | None:
    if text and len(text) > MAX_DESCRIPTION_CHARACTERS:
        _refuse("description", f"may have {MAX_DESCRIPTION_CHARACTERS} characters at most; shorten it")
    if text and not _is_printable(text, allowed="\n\r\t"):
        _refuse(
            "description", "must not hold control characters other than line breaks and tabs; remove them"
        )
    return text or None


def _model_id(name: str | None) -> str | None:
    if not name:
        return None
    if "/" in name or name in {".", ".."} or not _is_printable(name, allowed=""):
        _refuse("model_id", "stands in a path: it must not hold `/` or control characters, or be `.` or `..`")
    if split_name(name) != (name, None):
        _refuse("model_id", "must not end like a file name: /image/MODEL.jpg is the image as JPEG")
    if len(name.encode()) > MAX_MODEL_ID_BYTES:
        _refuse("model_id", f"may have {MAX_MODEL_ID_BYTES} bytes at most; shorten it")
    return name


def _is_printable(text: str, allowed: Iterable[str]) -> bool:
    """No C0 or C1 control character, no DEL, no lone surrogate, and no direction override that disguises a name."""
    return not any(
        (character < " " and character not in allowed)
        or "\x7f" <= character <= "\x9f"
        or "\ud800" <= character <= "\udfff"
        or "\u2028" <= character <= "\u202e"
        or "\u2066" <= character <= "\u2069"
        for character in text
    )


def _metadata(given: str | dict[str, Any]) -> dict[str, Any]:
    try:
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        if len(text.encode()) > MAX_METADATA_BYTES:
            _refuse("metadata", f"may have {MAX_METADATA_BYTES} bytes at most; shorten it")
        value = json.loads(text, parse_constant=_no_constant)
        # Written out again as the details will be: that finds lone surrogates, and NULs however they were escaped.
        written = json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        _refuse("metadata", 'is not JSON; write an object such as {"album": "spring"}')
    if not isinstance(value, dict):
        _refuse("metadata", 'is no JSON object; write one such as {"album": "spring"}')
    if b"\\u0000" in written:
        _refuse("metadata", "must not hold a NUL character; remove it")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
