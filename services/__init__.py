"""The verbs of Mayfly, without Flask: services speak images."""

from models import OPEN_CATALOG
from services.accounts import Account, Accounts
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
)
from services.in_flight import InFlight, Share, hold
from services.purge import Purge
from services.readiness import Readiness
from services.room import Room
from services.schedule import PurgeSchedule
from services.shelf import Glance, Opened, Shelf
from services.wishes import Limits, Receipt, Wishes

__all__ = [
    "OPEN_CATALOG",
    "Account",
    "AccountAsked",
    "Accounts",
    "BadCursor",
    "BadLifetime",
    "Catalog",
    "Conversion",
    "CurrentPasswordWrong",
    "DatabaseAway",
    "Details",
    "Drop",
    "Entry",
    "Glance",
    "ImageGone",
    "InFlight",
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
    "Readiness",
    "Receipt",
    "Room",
    "Share",
    "Shelf",
    "StorageFull",
    "TokenRefused",
    "TooManyGuesses",
    "TooManyLogins",
    "Wishes",
    "hold",
]
