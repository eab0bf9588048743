"""Firefox and WebKitGTK, driven by the commands of WebDriver (https://www.w3.org/TR/webdriver2/).

WebKitGTK's driver takes them by HTTP. Firefox takes the same ones by Marionette, a socket of its own, without a driver
between (https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html).
"""

from __future__ import annotations

import base64
import json
import socket
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import requests

from tests.processes import until

PATIENCE = 20
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which WebDriver hands out elements (section 12.1)."""
COMMANDS = {
    "Navigate": ("POST", "/url"),
    "ExecuteScript": ("POST", "/execute/sync"),
    "FindElement": ("POST", "/element"),
    "ElementClick": ("POST", "/element/{id}/click"),
    "ElementSendKeys": ("POST", "/element/{id}/value"),
    "TakeScreenshot": ("GET", "/screenshot"),
}
"""What Marionette calls a command, and where the same one is by HTTP."""

SCROLL = "document.querySelector(arguments[0]).closest(':not(option)').scrollIntoView({block: 'center'})"

READ = "return document.querySelector(arguments[0])?.innerText"
SEEN = "return document.querySelector(arguments[0])?.checkVisibility({visibilityProperty: true})"


class Refused(Exception):
    """The browser did not carry out a command, and says why."""


class Engine(ABC):
    """One window of a browser."""

    @abstractmethod
    def call(self, command: str, **values: Any) -> Any:
        """Carry out a command of WebDriver and return its value; Refused where the browser says no."""

    def open(self, url: str) -> None:
        """Load a page anew, even one that is open already and differs behind # alone."""
        self.call("Navigate", url="about:blank")
        self.call("Navigate", url=url)

    def run(self, script: str, *values: object) -> Any:
        """Run a function's body in the page."""
        return self.call("ExecuteScript", script=script, args=list(values))

    def _find(self, selector: str) -> str:
        return str(self.call("FindElement", using="css selector", value=selector)[ELEMENT])

    def click(self, selector: str) -> None:
        """Click at the middle of an element, as a person would, who scrolls to it first."""
        self.run(SCROLL, selector)
        self.call("ElementClick", id=self._find(selector))

    def type(self, selector: str, text: str) -> None:
        """Type into a field; into one for files, choose the file of this path."""
        self.call("ElementSendKeys", id=self._find(selector), text=text)

    def see(self, selector: str, text: str = "") -> None:
        """Wait until an element is there, and in the first of them this text is to be read; fail if it never is."""

        def there() -> bool:
            return text in (self.run(READ, selector) or "") and bool(self.run(SEEN, selector))

        assert until(there, PATIENCE), f"no {text!r} in {selector}, but {self.run(READ, 'body')!r}"

    def look(self, path: Path) -> None:
        """Take a picture of the window."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("TakeScreenshot")))


class Firefox(Engine):
    """Debian's Firefox, over its socket for Marionette."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 30)
        self._file = self._socket.makefile("rwb")
        self._said()
        self.call("NewSession", capabilities={})

    def end(self) -> None:
        """Leave the browser, which goes on."""
        self._file.close()
        self._socket.close()

    def _said(self) -> Any:
        length = b""
        while (digit := self._file.read(1)) != b":":
            length += digit
        return json.loads(self._file.read(int(length)))

    def call(self, command: str, **values: Any) -> Any:
        message = json.dumps([0, 1, f"WebDriver:{command}", values]).encode()
        self._file.write(b"%d:%s" % (len(message), message))
        self._file.flush()
        _, _, error, answer = self._said()
        if error:
            raise Refused(f"{command}: {error['message']}")
        return answer.get("value", answer)


class WebKit(Engine):
    """Debian's WebKitGTK in MiniBrowser, by HTTP."""

    def __init__(self, driver: str, browser: Path) -> None:
        self._url = driver
        wish = {"webkitgtk:browserOptions": {"binary": str(browser), "args": ["--automation"]}}
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wish}})
        self._url += f"/session/{session['sessionId']}"

    def _ask(self, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
        answer = requests.request(method, self._url + path, json=values, timeout=60)
        value = answer.json()["value"]
        if not answer.ok:
            raise Refused(f"{path}: {value['message']}")
        return value

    def call(self, command: str, **values: Any) -> Any:
        method, path = COMMANDS[command]
        values = {"id": ""} | values
        return self._ask(method, path.format(id=values.pop("id")), values if method == "POST" else None)

    def end(self) -> None:
        """Close the window; its processes end."""
        self._ask("DELETE", "")
