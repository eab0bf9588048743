"""Finds links in what people paste and in addresses to which chat programs or documents have added something."""

from __future__ import annotations

import re

from werkzeug.routing import BaseConverter

from services import SPELLING, is_link, links_in, share_urls_in
from web.answer.pictures import FORMS

LENGTH = 32
_ENDS = "|".join(FORMS)
_SHARED = re.compile(rf"({SPELLING})(?:\.({_ENDS}))?[\W_]*", re.ASCII | re.IGNORECASE)
_NAMED = re.compile(rf"(.+)\.({_ENDS})", re.IGNORECASE | re.DOTALL)
# What advertisers, mailers and social networks append to every address: none of it is meant for this server.
_TRACKING = re.compile(
    r"utm_\w+|(fb|g|dc|tt|tw|msc?l|ms|y|w|epi|ob|rd|s)clid|gclsrc|[gw]braid|srsltid|igshid|igsh|mibextid|sfnsn"
    r"|__cft__.*|__tn__|mc_[ce]id|_hs(enc|mi)|mkt_tok|_g[al]|_openstat|li_fat_id|vero_id|oly_(anon|enc)_id"
    r"|ref|ref_src|ref_url|si|share_id|cmpid",
    re.ASCII | re.IGNORECASE,
)


class FirstPart(BaseConverter):
    """A part of a path, with or without more of it behind: a slash, or a file name that makes the address look nice."""

    regex = r"[^/]+(?:/[\s\S]*)?"
    part_isolating = False

    def to_python(self, value: str) -> str:
        """Return the part before the first slash."""
        return value.partition("/")[0]


def split_name(name: str) -> tuple[str, str | None]:
    """Split ``<link>.png`` into the link and the form that its end names, in small letters.

    What is neither letter nor digit behind a link is no part of it. An end that names no form stays in the name.
    """
    found = _SHARED.fullmatch(name) or _NAMED.fullmatch(name)
    return (found[1], found[2] and found[2].lower()) if found else (name, None)


def link_in(text: str) -> str:
    """Find the first link in what somebody pasted; "" if there is none."""
    return next(iter(links_in(text)), "")


def album_in(text: str) -> list[str]:
    """Find the first share URL in what somebody pasted: its links and cut ones, in their order; [] if there is none."""
    parts = dict.fromkeys(next(iter(share_urls_in(text)), []))
    return [part for part in parts if is_link(part) or (len(part) < LENGTH and part.lower() not in FORMS)]


def is_tracking(option: str) -> bool:
    """Tell whether an option of a query was added to the link on its way, to track the people who open it."""
    return _TRACKING.fullmatch(option) is not None
