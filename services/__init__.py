"""The verbs of Mayfly, without Flask: services speak images."""

from models import OPEN_CATALOG
from services.access_log import log_request
from services.accounts import Account, Accounts
from services.admission import Budget, Later
from services.allowance import SMALL_BYTES, Allowance, Memory, ceiling, hold_memory, once
from services.api_keys import ApiKeys, KeyInfo
from services.audit import audit
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
    KeyGone,
    KeyNotEnough,
    LoginRefused,
    NameTaken,
    OpensByPostOnly,
    Overloaded,
    PasswordAsked,
    PasswordWrong,
    RegistrationClosed,
    ServiceError,
    StorageFull,
    TokenRefused,
    TooManyGuesses,
    TooManyKeys,
    TooManyLogins,
    TooSlow,
    UploadCodeAsked,
    UploadCodeWrong,
    UploadsClosed,
)
from services.gate import Gate, GateUse, UploadCodes
from services.image_info import ImageInfo, Receipt
from services.limits import DropLimits
from services.living_images import LivingImages
from services.purge import Purge
from services.purge_lag import PurgeClock
from services.quota import Quota
from services.readiness import Needs, Readiness
from services.schedule import PurgeSchedule
from services.status import Status, StatusReport
from services.wishes import Wishes

__all__ = [
    "DEAR_AT_ONCE",
    "OPEN_CATALOG",
    "SMALL_BYTES",
    "Account",
    "AccountAsked",
    "Accounts",
    "Allowance",
    "ApiKeys",
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
    "Gate",
    "GateUse",
    "ImageGone",
    "ImageInfo",
    "KeyGone",
    "KeyInfo",
    "KeyNotEnough",
    "Later",
    "LivingImages",
    "LoginRefused",
    "Memory",
    "NameTaken",
    "Needs",
    "OpensByPostOnly",
    "Overloaded",
    "PasswordAsked",
    "PasswordWrong",
    "Purge",
    "PurgeClock",
    "PurgeSchedule",
    "Quota",
    "Readiness",
    "Receipt",
    "RegistrationClosed",
    "ServiceError",
    "Status",
    "StatusReport",
    "StorageFull",
    "TokenRefused",
    "TooManyGuesses",
    "TooManyKeys",
    "TooManyLogins",
    "TooSlow",
    "UploadCodeAsked",
    "UploadCodeWrong",
    "UploadCodes",
    "UploadsClosed",
    "Wishes",
    "audit",
    "ceiling",
    "hold_memory",
    "log_request",
    "notice_restarts",
    "once",
]
