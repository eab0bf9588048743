"""The types of JSON answers: mypy checks the routes against them, and /openapi.json describes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from services import SPELLING

Secret = Annotated[str, Field(pattern=f"^{SPELLING}$")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class RegisteredAnswer(TypedDict):
    """A new account."""

    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    login: str
    email: str
    createTime: Time


class TokenAnswer(TypedDict):
    """A token, to be sent as the Authorization header, by itself or after `Bearer`."""

    Authorization: str


class ListedKey(TypedDict):
    """One of an account's API keys, without the key itself; the day of its last use is in UTC."""

    id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    name: str | None
    created_at: Time
    used_on: Annotated[str | None, Field(json_schema_extra={"format": "date"})]


class NewKeyAnswer(ListedKey):
    """A new API key, which is shown this once."""

    key: Annotated[str, Field(pattern=f"^mayfly_{SPELLING}$")]


class ApiKeysAnswer(TypedDict):
    """An account's API keys, the oldest first."""

    status: Literal["success"]
    data: list[ListedKey]


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
    dropped: list[Literal["gain_map"]]


class ReceiptsAnswer(TypedDict):
    """What an uploader of several images is told: a receipt each in their order, and one share URL of all."""

    status: Literal["success"]
    images: list[ReceiptAnswer]
    url: str


class DescribedAnswer(TypedDict):
    """An image to the holder of its image key; what its password hides is left out, and `password` is there.

    Of an image whose last view was used, these are left: `views_left` is 0, and `opened_at` tells when.
    """

    status: Literal["success"]
    image_id: Secret
    image_key: Secret
    created_at: Time
    expires_at: Time
    views_left: int | None
    opened_at: list[Time] | None
    size: NotRequired[int]
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


class StandingAnswer(TypedDict):
    """How an image stands: `views_left` is 0 where it is used up, and `opened_at` null where views are not limited."""

    expires_in: float
    views_left: int | None
    opened_at: list[Time] | None


class StandingsAnswer(TypedDict):
    """How images stand, in the order of their image keys; null for one that is gone."""

    status: Literal["success"]
    images: list[StandingAnswer | None]


class GlanceAnswer(TypedDict):
    """What the holder of a link is told before opening the image."""

    status: Literal["success"]
    size: int
    expires_at: Time
    expires_in: float
    views_left: int | None
    password: bool


class CleanupAnswer(TypedDict):
    """How many expired images went."""

    status: Literal["success"]
    deleted: int


class AliveAnswer(TypedDict):
    """The service is alive."""

    status: Literal["ok"]


class ReadinessPart(TypedDict):
    """A part of the service: whether it does what it is for, and in a sentence what to know about it."""

    ok: bool
    message: str


class ReadyAnswer(TypedDict):
    """The service by its parts."""

    status: Literal["ready", "degraded", "unready"]
    parts: dict[str, ReadinessPart]


class ShareXAnswer(TypedDict):
    """A custom uploader of ShareX 14 or newer."""

    Version: str
    Name: str
    DestinationType: str
    RequestMethod: str
    RequestURL: str
    Body: str
    Headers: NotRequired[dict[str, str]]
    FileFormName: str
    URL: str
    ErrorMessage: str


class ErrorAnswer(TypedDict):
    """What went wrong, as a code and as one sentence that says how to mend it."""

    status: Literal["error"]
    error: str
    message: str
