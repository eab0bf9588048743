"""The contact for reports and questions about images: ABUSE_CONTACT."""

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
    """Add the operator's contact to a message, where one is set."""
    words = contact_words()
    return f"{message} Questions about it go to {words}." if words else message
