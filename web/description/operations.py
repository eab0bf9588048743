"""The descriptions of all routes, beside the errors they may answer with."""

from __future__ import annotations

from typing import Any

from imaging import BrokenImage, NotAnImage, SandboxMissing, TooBusy, TooManyPixels
from services import (
    AccountAsked,
    BadCursor,
    BadLifetime,
    CurrentPasswordWrong,
    DatabaseAway,
    FormNotMade,
    ImageGone,
    LoginRefused,
    NameTaken,
    OpensByPostOnly,
    Overloaded,
    PasswordAsked,
    PasswordWrong,
    StorageFull,
    TooManyGuesses,
    TooManyLogins,
)
from web.answer import schemas
from web.description.operation import HTML, PICTURES, TEXT, Answer, Body, Operation
from web.request import bodies
from web.request.links import PASTED
from web.request.options import MAX_DESCRIPTION_CHARACTERS, MAX_VIEWS

Schemas = dict[str, dict[str, Any]]
JSON_OBJECT = {"type": "string", "contentMediaType": "application/json"}
DURATION = {"type": "string", "pattern": "^\\s*[0-9]{1,9}[smhd]?\\s*$", "examples": ["90s", "5m"]}
SWITCH = {"type": "string", "enum": ["0", "1", "true", "false", ""]}
BYTES = {"type": "string", "format": "binary"}
IN_QUERY: Schemas = {
    "lifetime": DURATION,
    "views": {"type": "integer", "minimum": 1, "maximum": MAX_VIEWS},
    "filename": {"type": "string"},
    "description": {"type": "string", "maxLength": MAX_DESCRIPTION_CHARACTERS},
    "metadata": JSON_OBJECT,
    "model_id": {"type": "string", "maxLength": 255},
    "keep_metadata": SWITCH,
}
PASSWORD = {"type": "string", "maxLength": 1024, "pattern": "^[^\\x00]*$"}
NEW_PASSWORD = PASSWORD | {"minLength": 1}
FORM = {
    "type": "object",
    "properties": {"file": BYTES, "image": BYTES, **IN_QUERY, "password": NEW_PASSWORD},
    "additionalProperties": False,
    "oneOf": [{"required": ["file"]}, {"required": ["image"]}],
}
RAW: Schemas = {"application/octet-stream": {}, "image/*": {}}
SECRET = {"type": "string", "pattern": "^[A-Za-z0-9_-]{32}$"}
SIDE = {"type": "integer", "minimum": 1, "maximum": 65_535}
CONVERSION: Schemas = {
    "format": {"type": "string", "enum": ["png", "jpg", "jpeg", "webp", "gif", "avif"]},
    "width": SIDE,
    "height": SIDE,
}


def _form(*required: str, **fields: dict[str, Any]) -> Body:
    """A small form in either encoding, of which every other field may be left out."""
    schema = {
        "type": "object",
        "properties": fields,
        "required": list(required),
        "additionalProperties": False,
    }
    return Body(
        media_types={"application/x-www-form-urlencoded": schema, "multipart/form-data": schema},
        required=bool(required),
    )


IMAGING = (NotAnImage, BrokenImage, TooManyPixels, TooBusy, SandboxMissing)
CONVERTING = (FormNotMade, *IMAGING)
STORING = (*IMAGING, BadLifetime, StorageFull, DatabaseAway, Overloaded)
UNLOCKING = (PasswordAsked, PasswordWrong, TooManyGuesses)
RECEIPT_HEADERS = ("Image-Key", "Sunset", "Location", "Cache-Control")
IMAGE_HEADERS = ("Content-Disposition", "Sunset", "Cache-Control", "Referrer-Policy", "X-Robots-Tag")
IMAGE = Answer("The image.", media_types=PICTURES, headers=IMAGE_HEADERS, may_have=("Views-Left",))
RECEIPT = Answer(
    "The image is stored.", schemas.ReceiptAnswer, (TEXT, HTML), ("Cache-Control",), RECEIPT_HEADERS[:-1]
)
DONE = {200: Answer("It is done.", schemas.DoneAnswer)}
PAGE = {200: Answer("A page, or the same as text.", media_types=(HTML, TEXT))}

UPLOAD = Operation(
    "Upload an image",
    {201: RECEIPT},
    STORING,
    query=IN_QUERY,
    body=Body(media_types={"multipart/form-data": FORM, **RAW}),
    account="heeded",
    basic=True,
)
PUT = Operation(
    "Upload an image under a file name",
    {201: RECEIPT},
    STORING,
    query=IN_QUERY,
    path={"filename": {"type": "string", "minLength": 1, "description": "unless the option has another"}},
    body=Body(media_types={**RAW, "multipart/form-data": FORM}),
    account="heeded",
    basic=True,
)
IMAGE_BY_NAME = Operation(
    "The image of a link, or the newest one of a model in one's own catalog",
    {200: IMAGE},
    (ImageGone, OpensByPostOnly, DatabaseAway, Overloaded, *CONVERTING),
    query=CONVERSION,
    path={
        "name": {"type": "string", "description": "a link or a model id; with .png, .jpg or .webp to convert"}
    },
    account="heeded",
)
OPEN_BY_NAME = Operation(
    "Open an image on purpose: one with limited views or a password opens in no other way",
    {200: IMAGE},
    (ImageGone, *UNLOCKING, DatabaseAway, Overloaded, *CONVERTING),
    query=CONVERSION,
    path=IMAGE_BY_NAME.path,
    body=_form(password=PASSWORD),
    account="heeded",
    basic=True,
)
IMAGE_BY_LINK = Operation(
    "The image of a link",
    {200: IMAGE},
    (ImageGone, OpensByPostOnly, DatabaseAway, Overloaded),
    path={"link": SECRET},
    account="heeded",
)
OPEN_BY_LINK = Operation(
    "Open an image on purpose",
    {200: IMAGE},
    (ImageGone, *UNLOCKING, DatabaseAway, Overloaded),
    path={"link": SECRET},
    body=OPEN_BY_NAME.body,
    account="heeded",
    basic=True,
)
DESCRIBE = Operation(
    "Describe or download an image by its image key",
    {
        200: Answer(
            "The image's details, or the image.", schemas.DescribedAnswer, PICTURES, ("Cache-Control",)
        )
    },
    (ImageGone, *UNLOCKING, DatabaseAway, Overloaded),
    query={"mode": {"type": "string", "enum": ["view", "download"]}},
    path={"image_key": SECRET},
    account="heeded",
    basic=True,
)
DELETE = Operation(
    "Delete an image by its image key",
    DONE,
    (ImageGone, DatabaseAway, Overloaded),
    path={"image_key": SECRET},
    account="heeded",
)
LIST = Operation(
    "List one's own images, newest first",
    {200: Answer("A page of the list.", schemas.ListAnswer, headers=("Cache-Control",))},
    (AccountAsked, BadCursor, DatabaseAway, Overloaded),
    query={
        "prefix": {"type": "string", "description": "what the file name or the image key begins with"},
        "model_id": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
        "cursor": {"type": "string", "description": "the `next` of the page before"},
    },
    account="heeded",
)
REGISTER = Operation(
    "Open an account",
    {201: Answer("The account.", schemas.RegisteredAnswer)},
    (NameTaken, DatabaseAway, Overloaded),
    body=Body(bodies.Registration),
)
LOGIN = Operation(
    "Log in",
    {200: Answer("A token.", schemas.TokenAnswer)},
    (LoginRefused, TooManyLogins, DatabaseAway, Overloaded),
    body=Body(bodies.Credentials),
)
ME = Operation(
    "One's account and its newest images",
    {200: Answer("The account.", schemas.MeAnswer)},
    (AccountAsked, DatabaseAway, Overloaded),
    account="asked",
)
DELETE_ME = Operation(
    "Delete one's account and everything it owns",
    DONE,
    (AccountAsked, DatabaseAway, Overloaded),
    account="asked",
)
CHANGE_PASSWORD = Operation(
    "Change one's password, which ends every token",
    {200: Answer("A new token.", schemas.TokenAnswer)},
    (AccountAsked, CurrentPasswordWrong, TooManyLogins, DatabaseAway, Overloaded),
    body=Body(bodies.PasswordChange),
    account="asked",
)
UPLOAD_ENCODED = Operation(
    "Upload an image as base64",
    {201: Answer("The image is stored.", schemas.StoredAnswer, headers=RECEIPT_HEADERS)},
    (AccountAsked, *STORING),
    body=Body(bodies.EncodedImage),
    account="asked",
)
CROSS_SITE = {403: "cross_site"}
LINK_FORM = _form(link={"type": "string", "description": "a link, or an address that holds it"})
HOME = Operation("The drop page, or for curl how to use it", PAGE)
SHARE = Operation("The share page", {200: Answer("A page.", media_types=(HTML,))})
GLANCE = Operation(
    "What a link leads to, without opening it",
    {200: Answer("What is told.", schemas.GlanceAnswer, (HTML,), ("Cache-Control",))},
    (ImageGone, DatabaseAway, Overloaded),
    body=LINK_FORM,
    also=CROSS_SITE,
)
OPEN_BY_FORM = Operation(
    "Open an image on purpose, by a form",
    {200: IMAGE},
    (ImageGone, *UNLOCKING, DatabaseAway, Overloaded),
    body=_form(link={"type": "string"}, password=PASSWORD),
    also=CROSS_SITE,
    basic=True,
)
DRAW = Operation(
    "The share URL of a link as a QR code",
    {200: Answer("The code.", media_types=("image/svg+xml",), headers=("Cache-Control",))},
    body=_form("link", link={"type": "string", "pattern": PASTED}),
    also=CROSS_SITE,
)
DELETE_BY_FORM = Operation(
    "Delete an image by its image key, by a form",
    {200: Answer("It is done.", schemas.DoneAnswer, (HTML,))},
    (ImageGone, DatabaseAway, Overloaded),
    body=_form(image_key={"type": "string"}),
    also=CROSS_SITE,
)
CLEANUP = Operation(
    "Purge what has expired", {200: Answer("It is done.", schemas.CleanupAnswer)}, (DatabaseAway,)
)
ALIVE = Operation("Whether the service is alive", {200: Answer("It is.", schemas.AliveAnswer)})
UNCHANGED = {304: Answer("It is as the ETag in If-None-Match says.")}
DOCS = Operation("This description as a page", {200: Answer("A page.", media_types=(HTML,)), **UNCHANGED})
OPENAPI = Operation("This description", {200: Answer("OpenAPI 3.1.", dict[str, Any]), **UNCHANGED})
SHAREX = Operation(
    "An uploader for ShareX",
    {200: Answer("What ShareX imports.", schemas.ShareXAnswer, headers=("Content-Disposition",))},
)
