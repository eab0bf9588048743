"""/.well-known/security.txt, where programs and people look for a contact (RFC 9116)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, abort

from config import Config
from web.answer.contact import contact
from web.description.operation import TEXT, Answer, Operation

PATH = "/.well-known/security.txt"
GOOD_FOR = timedelta(days=30)
"""RFC 9116 asks for less than a year, and for a date that is not over. Each answer has a new one."""


def contact_routes(config: Config) -> Blueprint:
    """The file security.txt, which is there where ABUSE_CONTACT is set."""
    routes = Blueprint("contact", __name__)

    @routes.get(PATH)
    @Operation(
        "Whom to write to about abuse or a weakness (RFC 9116)",
        {200: Answer("The contact, where the operator has named one.", media_types=(TEXT,))},
        also={404: "not_found"},
    )
    def security() -> Response:
        named = contact()
        if named is None:
            abort(404)
        lines = {
            "Contact": named,
            "Expires": (datetime.now(UTC) + GOOD_FOR).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if (config.base_url or "").startswith("https://"):  # the RFC allows no other
            lines["Canonical"] = f"{config.base_url}{PATH}"
        text = "".join(f"{name}: {value}\n" for name, value in lines.items())
        return Response(text, mimetype=TEXT, headers={"Cache-Control": "no-store"})

    return routes
