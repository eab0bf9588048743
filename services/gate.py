"""Decides who may upload and who may register, by the operator's settings and upload codes."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Literal

from services.account_errors import AccountAsked
from services.errors import RegistrationClosed, UploadCodeAsked, UploadCodeWrong, UploadsClosed

LOOK_SECONDS = 1.0
"""How often the file with the codes is read, at most."""
LARGEST_FILE = 64 * 1024
NamedCodes = tuple[tuple[str, str], ...]
"""Pairs of a code's name and the code."""
GateUse = Literal["upload", "registration"]
log = logging.getLogger("mayfly")


class UploadCodes:
    """The operator's upload codes. Codes from a file follow its changes; while it can't be read, the last ones stay."""

    def __init__(self, codes: NamedCodes, file: Path | None, parse: Callable[[str], NamedCodes]) -> None:
        self._codes = codes
        self._file = file
        self._parse = parse
        self._looked = time.monotonic()
        self._read: bytes | None = None

    def name_of(self, given: str) -> str | None:
        """Return the name of a code, None if there is no such code; the time taken doesn't depend on the code's
        place."""
        code, found = given.encode("utf-8", "replace"), None
        for name, known in self._current():
            if hmac.compare_digest(known.encode(), code):
                found = name
        return found

    def _current(self) -> NamedCodes:
        now = time.monotonic()
        if self._file is not None and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look(self._file)
        return self._codes

    def _look(self, file: Path) -> None:
        """Read the codes from a file; if that fails, log why, once for each change of the file."""
        try:
            with file.open("rb") as opened:
                content = opened.read(LARGEST_FILE + 1)
        except OSError as error:
            content, why = b"", error.strerror or "it can't be opened"
        else:
            why = "it is too large" if len(content) > LARGEST_FILE else ""
        if content == self._read:
            return
        self._read = content
        try:
            if not why:
                self._codes = self._parse(content.decode())
                return
        except UnicodeDecodeError:
            why = "it is not UTF-8 text"
        except ValueError as error:
            why = str(error)
        log.warning(
            "the file of UPLOAD_CODES_FILE can't be read: %s. Its earlier codes stay valid; correct the file, and it is"
            " read within a second, without a restart",
            why,
        )


@dataclass(frozen=True)
class Gate:
    """Lets a request pass, or tells what it lacks: an upload code or an account."""

    uploads: Literal["open", "code", "account", "closed"]
    registration: Literal["open", "code", "closed"]
    networks: tuple[IPv4Network | IPv6Network, ...]
    """A client with an address in these networks needs no code to upload."""
    codes: UploadCodes

    def asks_code(self, use: GateUse, address: IPv4Address | IPv6Address | None) -> bool:
        """Tell whether a client with this address needs a code."""
        if use == "registration":
            return self.registration == "code"
        return self.uploads == "code" and not (
            address is not None and any(address in network for network in self.networks)
        )

    def check_open(self, use: GateUse, *, with_account: bool) -> None:
        """Raise UploadsClosed, RegistrationClosed or AccountAsked if a request may not pass even with a code."""
        if use == "registration":
            if self.registration == "closed":
                raise RegistrationClosed
        elif self.uploads == "closed":
            raise UploadsClosed
        elif self.uploads == "account" and not with_account:
            raise AccountAsked

    def check_code(self, given: str | None) -> str:
        """Return the name of a code; raises UploadCodeAsked if none was given, UploadCodeWrong if it is not valid."""
        if not given:
            raise UploadCodeAsked
        name = self.codes.name_of(given)
        if name is None:
            raise UploadCodeWrong
        return name
