"""What Mayfly does with images and accounts, without Flask."""

from models import OPEN_CATALOG
from services import counts
from services.access_log import log_request
from services.account import Account
from services.account_errors import (
    AccountAsked,
    CurrentPasswordWrong,
    KeyGone,
    KeyNotEnough,
    LoginRefused,
    NameTaken,
    TokenRefused,
    TooManyKeys,
    TooManyLogins,
)
from services.accounts import Accounts
from services.admission import Budget, Later
from services.allowance import SMALL_BYTES, Allowance, Memory, ceiling, hold_memory, once
from services.api_keys import ApiKeys, KeyInfo
from services.audit import audit
from services.catalog import Catalog, CatalogPage
from services.clock import DatabaseClock
from services.conversion import Conversion, Form
from services.database import waiting_for_connections, watch_connections
from services.details import Details
from services.drop import Drop
from services.errors import (
    BadCursor,
    BadLifetime,
    BodyCutShort,
    ClientQuotaReached,
    DatabaseAway,
    FormNotMade,
    ImageBlocked,
    ImageGone,
    NotEverywhere,
    OpensByPostOnly,
    Overloaded,
    OwnerQuotaReached,
    PasswordAsked,
    PasswordWrong,
    RegistrationClosed,
    ServiceError,
    StorageFull,
    TooManyGuesses,
    TooManyRequests,
    TooSlow,
    UploadCodeAsked,
    UploadCodeWrong,
    UploadsClosed,
    UploadsOff,
    whole_minutes,
)
from services.expensive import EXPENSIVE, EXPENSIVE_AT_ONCE
from services.gate import Gate, GateUse, UploadCodes
from services.image_info import ImageInfo, Receipt, Standing
from services.image_writer import ImageWriter
from services.incoming import SentFile
from services.lent import end_silent_connections
from services.limits import DropLimits
from services.living_images import Attempt, LivingImages
from services.objects import LargeImages
from services.operator_actions import OperatorActions, TakenDown
from services.orders import Orders
from services.pasted import PASTED, SPELLING, is_cut, is_link, links_in, share_urls_in
from services.purge import Purge
from services.purge_lag import PurgeClock
from services.quota import Quota
from services.readiness import Needs, Readiness
from services.receipts import Receipts
from services.schedule import PurgeSchedule
from services.shards import Shard, Shards
from services.status import Status, StatusReport
from services.sweep import Sweep
from services.uploader import QuotaLimits, Uploader, UploaderQuotas
from services.wishes import Wishes
from storage import StoreAway

__all__ = [
    "EXPENSIVE",
    "EXPENSIVE_AT_ONCE",
    "OPEN_CATALOG",
    "PASTED",
    "SMALL_BYTES",
    "SPELLING",
    "Account",
    "AccountAsked",
    "Accounts",
    "Allowance",
    "ApiKeys",
    "Attempt",
    "BadCursor",
    "BadLifetime",
    "BodyCutShort",
    "Budget",
    "Catalog",
    "CatalogPage",
    "ClientQuotaReached",
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
    "ImageBlocked",
    "ImageGone",
    "ImageInfo",
    "ImageWriter",
    "KeyGone",
    "KeyInfo",
    "KeyNotEnough",
    "LargeImages",
    "Later",
    "LivingImages",
    "LoginRefused",
    "Memory",
    "NameTaken",
    "Needs",
    "NotEverywhere",
    "OpensByPostOnly",
    "OperatorActions",
    "Orders",
    "Overloaded",
    "OwnerQuotaReached",
    "PasswordAsked",
    "PasswordWrong",
    "Purge",
    "PurgeClock",
    "PurgeSchedule",
    "Quota",
    "QuotaLimits",
    "Readiness",
    "Receipt",
    "Receipts",
    "RegistrationClosed",
    "SentFile",
    "ServiceError",
    "Shard",
    "Shards",
    "Standing",
    "Status",
    "StatusReport",
    "StorageFull",
    "StoreAway",
    "Sweep",
    "TakenDown",
    "TokenRefused",
    "TooManyGuesses",
    "TooManyKeys",
    "TooManyLogins",
    "TooManyRequests",
    "TooSlow",
    "UploadCodeAsked",
    "UploadCodeWrong",
    "UploadCodes",
    "Uploader",
    "UploaderQuotas",
    "UploadsClosed",
    "UploadsOff",
    "Wishes",
    "audit",
    "ceiling",
    "counts",
    "end_silent_connections",
    "hold_memory",
    "is_cut",
    "is_link",
    "links_in",
    "log_request",
    "once",
    "share_urls_in",
    "waiting_for_connections",
    "watch_connections",
    "whole_minutes",
]
