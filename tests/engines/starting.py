"""Starting Firefox and WebKitGTK with a profile of their own, and ending them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.engines.driver import Engine, Firefox, WebKit
from tests.processes import end, free_port, until

START_SECONDS = 30
DEBIAN = Path("/usr/lib")
LOCALE = DEBIAN / "locale/C.utf8"
"""A locale that each Debian has: under another name it makes WebKit ask for that language."""

Start = Callable[[Path, str], AbstractContextManager[Engine]]


@contextmanager
def firefox(folder: Path, language: str = "en-GB", *, scripts: bool = True) -> Iterator[Engine]:
    """Start Debian's Firefox without a screen; its profile and its log stand in the folder."""
    folder.mkdir()
    wished = {"marionette.port": 0, "intl.accept_languages": language, "javascript.enabled": scripts}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wished.items()]
    (folder / "user.js").write_text("".join(lines))
    port = folder / "MarionetteActivePort"
    with _running("firefox-esr", "--headless", "--marionette", "--profile", str(folder), log=folder / "log"):
        assert until(lambda: port.exists() and bool(port.read_text()), START_SECONDS), _log(folder)
        engine = Firefox(int(port.read_text()))
        try:
            yield engine
        finally:
            engine.end()


@contextmanager
def webkit(folder: Path, language: str = "en-GB") -> Iterator[Engine]:
    """Start Debian's WebKitGTK on a screen of its own; what it keeps and its log stand in the folder."""
    folder.mkdir()
    own = f"{language.replace('-', '_')}.UTF-8"
    (folder / own).symlink_to(LOCALE)
    place = str(folder)
    env = {
        "HOME": place,
        "XDG_RUNTIME_DIR": place,
        "LOCPATH": place,
        "LANG": own,
        "LC_ALL": own,
        "LANGUAGE": "",
    }
    port = free_port()
    with (
        _screen(folder) as display,
        _running(
            "WebKitWebDriver", f"--port={port}", log=folder / "log", DISPLAY=display, NO_AT_BRIDGE="1", **env
        ),
    ):
        assert until(lambda: _listens(port), START_SECONDS), _log(folder)
        engine = WebKit(f"http://127.0.0.1:{port}", _mini_browser())
        try:
            yield engine
        finally:
            engine.end()


ENGINES: dict[str, Start] = {"firefox": firefox, "webkit": webkit}


def _mini_browser() -> Path:
    """Where Debian keeps the browser that comes with WebKitGTK's driver; it stands in no PATH."""
    return next(DEBIAN.glob("*/webkit2gtk-*/MiniBrowser"))


@contextmanager
def _screen(folder: Path) -> Iterator[str]:
    """A screen that nobody sees; its name."""
    name = folder / "screen"
    size = ("-screen", "0", "1280x1024x24")
    with _running("Xvfb", "-displayfd", "1", *size, "-nolisten", "tcp", log=name):
        assert until(lambda: name.read_text().endswith("\n"), START_SECONDS), name.read_text()
        yield f":{name.read_text().split()[-1]}"


@contextmanager
def _running(*command: str, log: Path, **env: str) -> Iterator[None]:
    with log.open("wb") as out, Path(f"{log}-errors").open("wb") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, env={**os.environ, **env})
        try:
            yield
        finally:
            end(process, 10)


def _log(folder: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in sorted(folder.glob("log*")))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
