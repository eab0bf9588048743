"""The audit log: a line for each action of the operator, and for each upload that the operator's orders refuse."""

from __future__ import annotations

import logging

log = logging.getLogger("mayfly.audit")


def audit(action: str, **facts: str | int) -> None:
    """Log an action and its facts as ``action name=value``; they must contain no secret, no link and no address."""
    log.info("%s", " ".join([action, *(f"{name}={value}" for name, value in facts.items())]))
