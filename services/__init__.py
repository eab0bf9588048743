"""The verbs of Mayfly, without Flask: services speak images."""

from models import OPEN_CATALOG
from services.accounts import Account, Accounts
from services.admission import Budget, Later
from services.allowance import FREE_BYTES, Allowance, Memory, ceiling, hold_memory, once
from services.catalog import Catalog, Entry, Page
from services.conversion import Conversion, Form
from services.database import notice_restarts
from services.dear import DEAR_AT_ONCE
from services.details import Details
from services.drop import Drop
from services.errors import (
    AccountAsked,
    BadCursor,
    BadLifetime,
    BodyCutShort,
    CurrentPasswordWrong,
    DatabaseAway,
    FormNotMade,
    ImageGone,
    LoginRefused,
    NameTaken,
    NotByLooking,
    Overloaded,
    PasswordAsked,
    PasswordWrong,
    ServiceError,
    StorageFull,
    TokenRefused,
    TooManyGuesses,
    TooManyLogins,
    TooSlow,
)
from services.purge import Purge
from services.readiness import Readiness
from services.room import Room
from services.schedule import PurgeSchedule
from services.shelf import Glance, Opened, Shelf
from services.wishes import Limits, Receipt, Wishes

__all__ = [
    "DEAR_AT_ONCE",
    "FREE_BYTES",
    "OPEN_CATALOG",
    "Account",
    "AccountAsked",
    "Accounts",
    "Allowance",
    "BadCursor",
    "BadLifetime",
    "BodyCutShort",
    "Budget",
    "Catalog",
    "Conversion",
    "CurrentPasswordWrong",
    "DatabaseAway",
    "Details",
    "Drop",
    "Entry",
    "Form",
    "FormNotMade",
    "Glance",
    "ImageGone",
    "Later",
    "Limits",
    "LoginRefused",
    "Memory",
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
    "ServiceError",
    "Shelf",
    "StorageFull",
    "TokenRefused",
    "TooManyGuesses",
    "TooManyLogins",
    "TooSlow",
    "Wishes",
    "ceiling",
    "hold_memory",
    "notice_restarts",
    "once",
]
