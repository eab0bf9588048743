"""The verbs of Mayfly, without Flask: services speak images."""

from models import OPEN_CATALOG
from services.accounts import Account, Accounts
from services.admission import Budget, Later
from services.allowance import SMALL_BYTES, Allowance, Memory, ceiling, hold_memory, once
from services.catalog import Catalog, CatalogPage
from services.clock import DatabaseClock
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
    OpensByPostOnly,
    Overloaded,
    PasswordAsked,
    PasswordWrong,
    ServiceError,
    StorageFull,
    TokenRefused,
    TooManyGuesses,
    TooManyLogins,
    TooManyRequests,
    TooSlow,
)
from services.image_info import ImageInfo, Receipt
from services.limits import DropLimits
from services.living_images import Attempt, LivingImages
from services.purge import Purge
from services.quota import Quota
from services.readiness import Readiness
from services.schedule import PurgeSchedule
from services.wishes import Wishes

__all__ = [
    "DEAR_AT_ONCE",
    "OPEN_CATALOG",
    "SMALL_BYTES",
    "Account",
    "AccountAsked",
    "Accounts",
    "Allowance",
    "Attempt",
    "BadCursor",
    "BadLifetime",
    "BodyCutShort",
    "Budget",
    "Catalog",
    "CatalogPage",
    "Conversion",
    "CurrentPasswordWrong",
    "DatabaseAway",
    "DatabaseClock",
    "Details",
    "Drop",
    "DropLimits",
    "Form",
    "FormNotMade",
    "ImageGone",
    "ImageInfo",
    "Later",
    "LivingImages",
    "LoginRefused",
    "Memory",
    "NameTaken",
    "OpensByPostOnly",
    "Overloaded",
    "PasswordAsked",
    "PasswordWrong",
    "Purge",
    "PurgeSchedule",
    "Quota",
    "Readiness",
    "Receipt",
    "ServiceError",
    "StorageFull",
    "TokenRefused",
    "TooManyGuesses",
    "TooManyLogins",
    "TooManyRequests",
    "TooSlow",
    "Wishes",
    "ceiling",
    "hold_memory",
    "notice_restarts",
    "once",
]
