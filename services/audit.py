"""A line for each deed of an operator, and for each upload that was refused at the gate."""

from __future__ import annotations

import logging

log = logging.getLogger("mayfly.audit")


def audit(deed: str, **facts: str | int) -> None:
    """Log a deed and its facts, ``deed name=value``; neither may hold a secret, a link or an address."""
    log.info("%s", " ".join([deed, *(f"{name}={value}" for name, value in facts.items())]))
