"""The server's public address, with which links in answers, lines for curl and the uploader for ShareX begin."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, request


def address() -> str:
    """Return the public address of this server, which may end in a path; the request's Host has been checked."""
    scheme = "https" if request.scheme == "https" else "http"
    base_url: str | None = current_app.config["BASE_URL"]
    return base_url or f"{scheme}://{request.environ['HTTP_HOST']}"


def base_path() -> str:
    """The path at the end of BASE_URL, which a proxy in front takes away; "" where there is none."""
    return urlsplit(current_app.config["BASE_URL"] or "").path
