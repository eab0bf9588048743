"""The verbs of Mayfly, without Flask: services speak images."""

from services.conversion import Conversion
from services.details import Details
from services.drop import Drop
from services.errors import (
    BadLifetime,
    DatabaseAway,
    ImageGone,
    NotByLooking,
    PasswordAsked,
    PasswordWrong,
    StorageFull,
    TooManyGuesses,
)
from services.purge import Purge
from services.room import Room
from services.schedule import PurgeSchedule
from services.shelf import Glance, Opened, Shelf
from services.wishes import Limits, Receipt, Wishes

__all__ = [
    "BadLifetime",
    "Conversion",
    "DatabaseAway",
    "Details",
    "Drop",
    "Glance",
    "ImageGone",
    "Limits",
    "NotByLooking",
    "Opened",
    "PasswordAsked",
    "PasswordWrong",
    "Purge",
    "PurgeSchedule",
    "Receipt",
    "Room",
    "Shelf",
    "StorageFull",
    "TooManyGuesses",
    "Wishes",
]
