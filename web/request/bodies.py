"""What stands in requests as JSON: read strictly, and described in /openapi.json."""

from __future__ import annotations

from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LONGEST_PASSWORD = 1024


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
    password: Annotated[str | None, Field(min_length=1, description="is text, and not empty")] = None
    filename: Annotated[str | None, Field(description="is text")] = None
    metadata: Annotated[dict[str, Any] | None, Field(description="is a JSON object")] = None
    model_id: Annotated[str | None, Field(description="is text")] = None
    keep_metadata: Annotated[bool | None, Field(description="is true or false")] = None
