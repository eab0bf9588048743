"""The pages' own files, read and compressed once at the start: a request for one touches no disk."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response, abort, request

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
ROBOTS = "User-agent: *\nAllow: /$\nDisallow: /\n"
"""RFC 9309: the home page may be found, and no image."""
COMMENT = re.compile(rb"^[ \t]*//.*$", re.MULTILINE)
"""A line of a script that is a comment: it stays here, and an empty line goes out, a sixth fewer bytes in all."""
FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    data: bytes
    compressed: bytes
    media_type: str


class Assets:
    """Every file of the pages; their addresses change when any of them does, so that browsers may keep them."""

    def __init__(self) -> None:
        self.files = {
            path.relative_to(FOLDER).as_posix(): _read(path)
            for path in sorted(FOLDER.rglob("*"))
            if path.is_file()
        }
        # One version for all: a module finds the others it imports beside itself.
        names_and_data = (name.encode() + asset.data for name, asset in self.files.items())
        self.version = sha256(b"\0".join(names_and_data)).hexdigest()[:12]

    def path(self, name: str) -> str:
        """The path of a file below the base; raises KeyError for one that is not there."""
        self.files[name]
        return f"/static/{self.version}/{name}"

    def scripts_of(self, page: str) -> list[str]:
        """The modules that a page's own ``page.js`` imports, and what they import: its folder's and the shared ones."""
        return [
            name
            for name in self.files
            if name.startswith((f"{page}/", "shared/")) and name.endswith(".js") and name != f"{page}/page.js"
        ]


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    if path.suffix == ".js":
        data = COMMENT.sub(b"", data)
    return Asset(data, gzip.compress(data, mtime=0), TYPES[path.suffix])


def asset_routes(assets: Assets) -> Blueprint:
    """The route of the pages' files."""
    routes = Blueprint("assets", __name__)

    @routes.get("/static/<version>/<path:name>")
    def asset(version: str, name: str) -> Response:
        found = assets.files.get(name) or abort(404)
        response = Response(found.data, mimetype=found.media_type)
        compress(response, found.compressed)
        # While servers of two versions run side by side, a page of one may ask the other for a file: it gets this one,
        # but must not keep it.
        response.headers["Cache-Control"] = FOR_GOOD if version == assets.version else "no-store"
        return response

    @routes.get("/favicon.ico")
    def favicon() -> Response:
        """Serve the icon at the path that browsers ask for by themselves."""
        return asset(assets.version, "mayfly.svg")

    @routes.get("/robots.txt")
    def robots() -> Response:
        return Response(ROBOTS, mimetype="text/plain")

    return routes


def compress(response: Response, compressed: bytes) -> None:
    """Answer with the compressed bytes if the client accepts them; only for what holds no secret (CVE-2013-3587)."""
    response.headers["Vary"] = ", ".join(filter(None, [response.headers.get("Vary"), "Accept-Encoding"]))
    if request.accept_encodings["gzip"]:
        response.set_data(compressed)
        response.headers["Content-Encoding"] = "gzip"
