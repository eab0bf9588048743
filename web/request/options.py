"""What an uploader asks for, read strictly: a typo in `lifetime` must not become a longer life."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Annotated, Any

from flask import Request
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from services import Wishes
from units import parse_duration
from web.answer.errors import BadRequest
from web.request.body import Body
from web.request.filenames import in_query
from web.request.gate import UploadCode
from web.request.links import split_name
from web.request.passwords import NewPassword, passwords_in, refuse_password_in_url
from web.request.strict import Strict, read_text, shown

MAX_VIEWS = 100
MAX_DESCRIPTION_CHARACTERS = 4000
MAX_METADATA_BYTES = 16 * 1024
MAX_MODEL_ID_BYTES = 255


def _lifetime(value: object) -> object:
    """Read a duration as seconds; JSON may have the number itself."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    try:
        return parse_duration(str(value))
    except ValueError as error:
        raise ValueError(f"can't be read: {error}") from None


def _description(text: str | None) -> str | None:
    if text and len(text) > MAX_DESCRIPTION_CHARACTERS:
        raise ValueError(f"may have {MAX_DESCRIPTION_CHARACTERS} characters at most; shorten it")
    if text and not _is_printable(text, allowed="\n\r\t"):
        raise ValueError("must not hold control characters other than line breaks and tabs; remove them")
    return text or None


def _metadata(value: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        # Written as the details will be: that finds lone surrogates, and NULs however they were escaped.
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        raise ValueError('is not JSON; write an object such as {"album": "spring"}') from None
    if len(written) > MAX_METADATA_BYTES:
        raise ValueError(f"may have {MAX_METADATA_BYTES} bytes at most; shorten it")
    if b"\\u0000" in written:
        raise ValueError("must not hold a NUL character; remove it")
    return value


def _model_id(name: str | None) -> str | None:
    if not name:
        return None
    if "/" in name or name in {".", ".."} or not _is_printable(name, allowed=""):
        raise ValueError("stands in a path: it must not hold `/` or control characters, or be `.` or `..`")
    if split_name(name) != (name, None):
        raise ValueError("must not end like a file name: /image/MODEL.jpg is the image as JPEG")
    if len(name.encode()) > MAX_MODEL_ID_BYTES:
        raise ValueError(f"may have {MAX_MODEL_ID_BYTES} bytes at most; shorten it")
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


DURATION = {
    "type": ["string", "integer", "null"],
    "pattern": "^\\s*[0-9]{1,9}[smhd]?\\s*$",
    "minimum": 1,
    "examples": ["90s", "5m"],
}


class UploadOptions(Strict):
    """The options of an upload, in a form, a query or JSON; all but ``upload_code`` are fields of ``Wishes``, too."""

    lifetime: Annotated[
        int | None,
        BeforeValidator(_lifetime),
        WithJsonSchema(DURATION),
        Field(description="is 90, 90s, 5m or 1h"),
    ] = None
    views: Annotated[
        int | None, Field(ge=1, le=MAX_VIEWS, description=f"is a whole number from 1 to {MAX_VIEWS}")
    ] = None
    password: NewPassword = None
    filename: Annotated[str | None, Field(description="must be text")] = None
    description: Annotated[
        str | None,
        AfterValidator(_description),
        Field(description="must be text", json_schema_extra={"maxLength": MAX_DESCRIPTION_CHARACTERS}),
    ] = None
    metadata: Annotated[
        dict[str, Any] | None,
        AfterValidator(_metadata),
        Field(description='is a JSON object such as {"album": "spring"}'),
    ] = None
    model_id: Annotated[
        str | None,
        AfterValidator(_model_id),
        Field(description="must be text", json_schema_extra={"maxLength": MAX_MODEL_ID_BYTES}),
    ] = None
    keep_metadata: Annotated[
        bool | None, AfterValidator(bool), Field(description="is true or false, in a form 1 or 0")
    ] = False
    upload_code: UploadCode = None


def read_wishes(request: Request, body: Body, filename: str | None = None) -> Wishes:
    """Read the options of an upload, for all its images, from form fields and query; ``filename`` is a PUT's path.

    Raises BadRequest that names the option and says how to mend it.
    """
    options = read_text(UploadOptions, _collect(request, body.fields))
    return wishes_of(options, filename)


def wishes_of(options: UploadOptions, filename: str | None = None) -> Wishes:
    """Return what the options ask for; ``filename`` is for an upload whose options name none."""
    asked = vars(options)
    wishes = {field.name: asked[field.name] for field in fields(Wishes)}
    return Wishes(**wishes | {"filename": options.filename or filename})


def _collect(request: Request, given_fields: Mapping[str, str]) -> dict[str, str]:
    refuse_password_in_url(request)
    query = [(name, value) for name in request.args for value in request.args.getlist(name)]
    given: dict[str, str] = {}
    for name, value in (*given_fields.items(), *query):
        if name not in UploadOptions.model_fields:
            names = ", ".join(UploadOptions.model_fields)
            raise BadRequest("unknown_option", f"There is no option {shown(name)}; there are: {names}.")
        if name in given:
            raise BadRequest("repeated_option", f"{name} is given twice; give it once.")
        given[name] = value
    if "filename" in request.args:
        given["filename"] = in_query(request)
    passwords = passwords_in(request, given.get("password"))
    return given | {"password": min(passwords)} if passwords else given  # an empty one is to be refused
