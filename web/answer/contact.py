"""Whom people write to about an image: ABUSE_CONTACT."""

from __future__ import annotations

from flask import current_app


def contact() -> str | None:
    """The address that reports and questions go to, ``mailto:`` or ``https:``; None where the operator named none."""
    found: str | None = current_app.config["ABUSE_CONTACT"]
    return found


def contact_words() -> str | None:
    """The same as people write it: a mail address without its scheme."""
    found = contact()
    return found and found.removeprefix("mailto:")


def with_contact(message: str) -> str:
    """Put behind a message whom to ask about it, where somebody can be asked."""
    words = contact_words()
    return f"{message} Questions about it go to {words}." if words else message
