"""Parts of descriptions that several routes share."""

from __future__ import annotations

from imaging import BrokenImage, NotAnImage, SandboxMissing, TooBusy, TooManyPixels
from services import (
    SPELLING,
    BadLifetime,
    ClientQuotaReached,
    DatabaseAway,
    FormNotMade,
    ImageBlocked,
    Overloaded,
    OwnerQuotaReached,
    PasswordAsked,
    PasswordWrong,
    StorageFull,
    StoreAway,
    TooManyGuesses,
    UploadsOff,
)
from web.answer import schemas
from web.answer.pictures import MEDIA_TYPES
from web.description.operation import HTML, TEXT, Answer

IMAGING = (NotAnImage, BrokenImage, TooManyPixels, TooBusy, SandboxMissing)
CONVERTING = (FormNotMade, *IMAGING)
DATABASE = (DatabaseAway, Overloaded)
STORES = (*DATABASE, StoreAway)
"""The refusals of any route that stores or fetches an image's bytes."""
STORING = (
    *IMAGING,
    BadLifetime,
    UploadsOff,
    ImageBlocked,
    StorageFull,
    ClientQuotaReached,
    OwnerQuotaReached,
    *STORES,
)
UNLOCKING = (PasswordAsked, PasswordWrong, TooManyGuesses)
SECRET = {"type": "string", "pattern": f"^{SPELLING}$"}
RECEIPT_HEADERS = ("Image-Key", "Sunset", "Location")
IMAGE_HEADERS = ("Content-Disposition", "Sunset", "Cache-Control", "Referrer-Policy", "X-Robots-Tag")
IMAGE = Answer(
    "The image.", media_types=MEDIA_TYPES, headers=IMAGE_HEADERS, may_have=("Views-Left", "Image-Description")
)
RECEIPT = Answer(
    "The image is stored, or all of several.",
    schemas.ReceiptAnswer | schemas.ReceiptsAnswer,
    (TEXT, HTML),
    ("Cache-Control",),
    RECEIPT_HEADERS,
)
DONE = {200: Answer("It is done.", schemas.DoneAnswer)}
