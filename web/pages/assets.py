"""Scripts, styles and icons of the pages, read into memory at the start."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from posixpath import dirname, normpath

from flask import Blueprint, Response, abort

from web.pages.encoding import compress

FOLDER = Path(__file__).parent / "static"
LEFT_OUT = re.compile(rb"^[ \t]*//.*$|^[ \t]+", re.MULTILINE)
"""What of scripts and styles is not sent: comments on lines of their own, and what lines are indented by. It is a sixth
of the compressed bytes; the lines keep their numbers."""
TYPES = {".css": "text/css", ".js": "text/javascript", ".png": "image/png", ".svg": "image/svg+xml"}
IMPORTED = re.compile(r'^import .*?from "(\..*?)";', re.MULTILINE)
"""What a module imports, as the formatter writes it."""
IMPORTED_LATER = re.compile(r'import .*?from "(\..*?)";|import\("(\..*?)"\)')
"""The same, with what it imports only when somebody wants it."""
ROBOTS = "User-agent: *\nAllow: /$\nAllow: /s$\nAllow: /static/\nDisallow: /\n"
"""RFC 9309: no image. Programs that preview links obey it; the share page itself tells search engines to skip it."""
PREVIEW = "preview.png"
"""What chats show beside a link to a page, so pages of theirs may show it."""
QUOTED = re.compile(r'"(\w+)"')
FOR_GOOD = "public, max-age=31536000, immutable"
FOR_A_DAY = "public, max-age=86400"


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    data: bytes
    media_type: str
    encoded: dict[str, bytes] = field(default_factory=dict)
    """Compressed, by encoding: since somebody asked for it so."""


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
        self._pages = [name for name in self.files if name.endswith("/page.js")]
        self._scripts = {name: self._imports(IMPORTED, name, []) for name in self._pages}

    def path(self, name: str) -> str:
        """The path of a file below the base; raises KeyError for one that is not there."""
        self.files[name]
        return f"/static/{self.version}/{name}"

    @property
    def grounds(self) -> tuple[str, str]:
        """The colours of the pages' ground where it is light and where it is dark, as page.css has them."""
        light, dark = re.findall(r"--ground: (#[0-9a-f]{6})", self.files["page.css"].data.decode())
        return light, dark

    def scripts_of(self, page: str) -> list[str]:
        """The modules that a page's own ``page.js`` imports, and those that they import."""
        return self._scripts[f"{page}/page.js"]

    def _imports(self, pattern: re.Pattern[str], name: str, seen: list[str]) -> list[str]:
        for found in pattern.finditer(self.files[name].data.decode()):
            imported = normpath(f"{dirname(name)}/{found[found.lastindex or 0]}")
            if imported not in seen:
                seen.append(imported)
                self._imports(pattern, imported, seen)
        return seen

    @property
    def pages(self) -> list[str]:
        """The pages that have scripts."""
        return [name.removesuffix("/page.js") for name in self._pages]

    def names_in(self, page: str) -> frozenset[str]:
        """Every name that stands in quotes in the scripts of a page; by such a name they ask for a text."""
        own = f"{page}/page.js"
        scripts = b"".join(self.files[name].data for name in (own, *self._imports(IMPORTED_LATER, own, [])))
        return frozenset(QUOTED.findall(scripts.decode()))


@cache
def read_assets() -> Assets:
    """Read the files, once for all applications of a process."""
    return Assets()


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    if path.suffix in {".css", ".js"}:
        data = LEFT_OUT.sub(b"", data)
    return Asset(data, TYPES[path.suffix])


def asset_routes(assets: Assets) -> Blueprint:
    """The route of the pages' files."""
    routes = Blueprint("assets", __name__)

    @routes.get("/static/<version>/<path:name>")
    def asset(version: str, name: str) -> Response:
        found = assets.files.get(name) or abort(404)
        response = Response(found.data, mimetype=found.media_type)
        compress(response, found.encoded)
        # While servers of two versions run side by side, a page of one may ask the other for a file: it gets this one,
        # but must not keep it.
        response.headers["Cache-Control"] = FOR_GOOD if version == assets.version else "no-store"
        if name == PREVIEW:
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    @routes.get("/favicon.ico")
    def favicon() -> Response:
        """Serve the icon at the path that browsers ask for by themselves."""
        return asset(assets.version, "mayfly.svg")

    @routes.get("/icons/<name>")
    def icon(name: str) -> Response:
        """Serve an icon of the manifest at an address that stays: a phone takes another address for another icon."""
        response = asset(assets.version, f"icons/{name}")
        response.headers["Cache-Control"] = FOR_A_DAY
        return response

    @routes.get("/robots.txt")
    def robots() -> Response:
        return Response(ROBOTS, mimetype="text/plain")

    return routes
