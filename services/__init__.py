"""The verbs of Mayfly, without Flask: services speak images."""

from models import OPEN_CATALOG
from services.accounts import Account, Accounts
from services.admission import FREE_BYTES, Allowance, Budget, Later, hold, turn
from services.catalog import Catalog, Entry, Page
from services.conversion import Conversion
from services.details import Details
from services.drop import Drop
from services.errors import (
    AccountAsked,
    BadCursor,
    BadLifetime,
    CurrentPasswordWrong,
    DatabaseAway,
    HeadTooLarge,
    ImageGone,
    LoginRefused,
    NameTaken,
    NotByLooking,
    Overloaded,
    PasswordAsked,
    PasswordWrong,
    StorageFull,
    TokenRefused,
    TooManyGuesses,
    TooManyLogins,
    TooSlow,
)
from services.purge import Purge
from services.room import Room
from services.schedule import PurgeSchedule
from services.shelf import Glance, Opened, Shelf
from services.wishes import Limits, Receipt, Wishes

__all__ = [
    "FREE_BYTES",
    "OPEN_CATALOG",
    "Account",
    "AccountAsked",
    "Accounts",
    "Allowance",
    "BadCursor",
    "BadLifetime",
    "Budget",
    "Catalog",
    "Conversion",
    "CurrentPasswordWrong",
    "DatabaseAway",
    "Details",
    "Drop",
    "Entry",
    "Glance",
    "HeadTooLarge",
    "ImageGone",
    "Later",
    "Limits",
    "LoginRefused",
    "NameTaken",
    "NotByLooking",
    "Opened",
    "Overloaded",
    "Page",
    "PasswordAsked",
    "PasswordWrong",
    "Purge",
    "PurgeSchedule",
    "Receipt",
    "Room",
    "Shelf",
    "StorageFull",
    "TokenRefused",
    "TooManyGuesses",
    "TooManyLogins",
    "TooSlow",
    "Wishes",
    "hold",
    "turn",
]
