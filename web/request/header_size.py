"""The longest header of a request; a longer one is refused unread, since parsing it could cost seconds."""

from __future__ import annotations

from flask import Flask, request

from web.answer.errors import BadRequest

MOST_BYTES = 8 * 1024


def register_header_size(app: Flask) -> None:
    """Refuse a request with a header that is too long, before anything looks at its headers."""

    @app.before_request
    def check_header_size() -> None:
        environ = request.environ
        too_long = [
            name
            for name, value in environ.items()
            if (name[:5] == "HTTP_" or name == "CONTENT_TYPE") and len(value) > MOST_BYTES
        ]
        for name in too_long:
            del environ[name]  # the refusal itself looks at Accept
        if too_long:
            raise BadRequest(
                "header_too_long",
                f"A header may have {MOST_BYTES} bytes at most; shorten it or leave it out.",
                431,
            )
