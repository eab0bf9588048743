"""The verbs of Mayfly, without Flask: services speak images."""

from services.details import Details
from services.drop import Drop, Limits, Opened, Receipt, Wishes
from services.errors import BadLifetime, DatabaseAway, ImageGone
from services.purge import Purge
from services.schedule import PurgeSchedule

__all__ = [
    "BadLifetime",
    "DatabaseAway",
    "Details",
    "Drop",
    "ImageGone",
    "Limits",
    "Opened",
    "Purge",
    "PurgeSchedule",
    "Receipt",
    "Wishes",
]
