"""The types of JSON bodies: read strictly, and described in /openapi.json."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from web.request.gate import UploadCode
from web.request.passwords import MAX_PASSWORD_BYTES, NO_NUL
from web.request.strict import Strict

EMAIL = "is an address such as name@example.org"


def _address(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # 4 MB for registrations alone

    try:
        # Nothing is ever sent there: names of a private network are as good as any.
        return validate_email(text, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise ValueError(EMAIL) from error


AccountPassword = Annotated[
    str,
    Field(
        min_length=6,
        max_length=MAX_PASSWORD_BYTES,
        pattern=NO_NUL,
        description=f"has 6 to {MAX_PASSWORD_BYTES} characters and no NUL",
    ),
]
Given = Annotated[
    str,
    Field(max_length=MAX_PASSWORD_BYTES, description=f"is text of at most {MAX_PASSWORD_BYTES} characters"),
]


class Registration(Strict):
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
            description=EMAIL,
            json_schema_extra={"format": "email"},
        ),
        AfterValidator(_address),
    ]
    password: AccountPassword
    upload_code: UploadCode = None


class Credentials(Strict):
    """Who logs in."""

    login: Given
    password: Given


class PasswordChange(Strict):
    """The present password, and the one to come."""

    password: Given
    new_password: AccountPassword
