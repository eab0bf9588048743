"""What stands in requests and answers as JSON: read strictly with the one, described in /openapi.json by both."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

LONGEST_PASSWORD = 1024
Secret = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{32}$")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class JsonBody(BaseModel):
    """A JSON object with these fields and no others; each one's description completes its refusal."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def _address(text: str) -> str:
    try:
        # Nothing is ever sent there: names of a private network are as good as any.
        return validate_email(text, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError("address") from error


Password = Annotated[
    str,
    Field(
        min_length=6,
        max_length=LONGEST_PASSWORD,
        pattern="^[^\\x00]*$",
        description="has 6 to 1024 characters and no NUL",
    ),
]
Given = Annotated[str, Field(max_length=LONGEST_PASSWORD, description="is text of at most 1024 characters")]


class Registration(JsonBody):
    """Who asks for an account."""

    login: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            description="has 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first",
        ),
    ]
    email: Annotated[
        str,
        Field(
            max_length=254,
            description="is an address such as name@example.org",
            json_schema_extra={"format": "email"},
        ),
        AfterValidator(_address),
    ]
    password: Password


class Credentials(JsonBody):
    """Who logs in."""

    login: Given
    password: Given


class PasswordChange(JsonBody):
    """The present password, and the one to come."""

    password: Given
    new_password: Password


class EncodedImage(JsonBody):
    """An image as base64 with the options of an upload."""

    data: Annotated[
        str,
        Field(
            min_length=1,
            description="is the image in base64, by itself or as a data: URL",
            json_schema_extra={"contentEncoding": "base64"},
        ),
    ]
    description: Annotated[str | None, Field(description="is text")] = None
    lifetime: Annotated[str | int | None, Field(description="is 90, 90s, 5m or 1h")] = None
    views: Annotated[int | None, Field(description="is a whole number")] = None
    password: Annotated[str | None, Field(description="is text")] = None
    filename: Annotated[str | None, Field(description="is text")] = None
    metadata: Annotated[dict[str, Any] | None, Field(description="is a JSON object")] = None
    model_id: Annotated[str | None, Field(description="is text")] = None
    keep_metadata: Annotated[bool | None, Field(description="is true or false")] = None


class RegisteredAnswer(TypedDict):
    """A new account."""

    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    login: str
    email: str
    createTime: Time


class TokenAnswer(TypedDict):
    """A token, to be sent as the Authorization header, by itself or after `Bearer`."""

    Authorization: str


class DoneAnswer(TypedDict):
    """It is done."""

    status: Literal["success"]


class MyImage(TypedDict):
    """An image as an account's page shows it."""

    id: Secret
    description: str | None
    source: str
    upload_date: Time


class MeAnswer(TypedDict):
    """An account and its newest images; GET /images lists all of them."""

    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    login: str
    images: list[MyImage]


class StoredAnswer(TypedDict):
    """An image that came as base64."""

    id: Secret
    login: str
    source: str
    upload_date: Time
    expires_at: Time
    image_key: Secret


class ListedImage(TypedDict):
    """One's own image; what its password hides is null."""

    image_id: Secret
    image_key: Secret
    image_url: str
    model_id: str | None
    filename: str | None
    content_type: str | None
    size: int
    width: int | None
    height: int | None
    sha256: str | None
    description: str | None
    metadata: dict[str, Any] | None
    password: bool
    created_at: Time
    expires_at: Time
    views_left: int | None


class ListAnswer(TypedDict):
    """One's own images, newest first, and the cursor of what follows."""

    status: Literal["success"]
    data: list[ListedImage]
    next: str | None


class ReceiptAnswer(TypedDict):
    """What an uploader is told; the image key is told once."""

    status: Literal["success"]
    hash: Secret
    image_id: Secret
    image_key: Secret
    url: str
    image_url: str
    content_type: str
    filename: str
    size: int
    width: int
    height: int
    frames: int
    sha256: str
    created_at: Time
    expires_at: Time
    expires_in: int
    views_left: int | None


class DescribedAnswer(TypedDict):
    """An image to the holder of its image key; what its password hides is left out, and `password` is there."""

    status: Literal["success"]
    image_id: Secret
    image_key: Secret
    size: int
    created_at: Time
    expires_at: Time
    views_left: int | None
    password: NotRequired[Literal[True]]
    content_type: NotRequired[str]
    filename: NotRequired[str]
    width: NotRequired[int]
    height: NotRequired[int]
    frames: NotRequired[int]
    sha256: NotRequired[str]
    description: NotRequired[str | None]
    metadata: NotRequired[dict[str, Any] | None]
    model_id: NotRequired[str | None]


class CleanupAnswer(TypedDict):
    """How many expired images went."""

    status: Literal["success"]
    deleted: int


class AliveAnswer(TypedDict):
    """The service is alive."""

    status: Literal["ok"]


class ShareXAnswer(TypedDict):
    """A custom uploader of ShareX 14 or newer."""

    Version: str
    Name: str
    DestinationType: str
    RequestMethod: str
    RequestURL: str
    Body: str
    FileFormName: str
    URL: str
    ErrorMessage: str


class ErrorAnswer(TypedDict):
    """What went wrong, as a code and as one sentence that says how to mend it."""

    status: Literal["error"]
    error: str
    message: str
