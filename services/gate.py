"""Who may upload and who may register, as the operator has set it; and the operator's upload codes."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Literal

from services.errors import AccountAsked, RegistrationClosed, UploadCodeAsked, UploadCodeWrong, UploadsClosed

LOOK_SECONDS = 1.0
"""How long the codes of a file count before it is looked at again."""
LARGEST_FILE = 64 * 1024
NamedCodes = tuple[tuple[str, str], ...]
"""Each code's name, and the code."""
GateUse = Literal["upload", "registration"]
log = logging.getLogger("mayfly")


class UploadCodes:
    """The operator's codes; those of a file are read anew when it changes, and stay where it can't be read."""

    def __init__(self, codes: NamedCodes, file: Path | None, parse: Callable[[str], NamedCodes]) -> None:
        self._codes = codes
        self._file = file
        self._parse = parse
        self._looked = time.monotonic()
        self._read: bytes | None = None

    def name_of(self, given: str) -> str | None:
        """Return the name of a code, None for one that is no good; in the same time wherever it stands in the list."""
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
        """Take over the codes of a file; log once, and not again until it changes, why they can't be."""
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
            why = "it is no text"
        except ValueError as error:
            why = str(error)
        log.warning(
            "the file of UPLOAD_CODES_FILE can't be read: %s. The codes that it held before stay good; mend the file,"
            " and it is read within a second, without a restart",
            why,
        )


@dataclass(frozen=True)
class Gate:
    """Lets a request through, or says what it takes."""

    uploads: Literal["open", "code", "account", "closed"]
    registration: Literal["open", "code", "closed"]
    networks: tuple[IPv4Network | IPv6Network, ...]
    """Whoever uploads from here needs no code."""
    codes: UploadCodes

    def asks_code(self, use: GateUse, address: IPv4Address | IPv6Address | None) -> bool:
        """Tell whether it takes a code from this address."""
        if use == "registration":
            return self.registration == "code"
        return self.uploads == "code" and not (
            address is not None and any(address in network for network in self.networks)
        )

    def check_open(self, use: GateUse, *, with_account: bool) -> None:
        """Raise UploadsClosed, RegistrationClosed or AccountAsked, where no code would help."""
        if use == "registration":
            if self.registration == "closed":
                raise RegistrationClosed
        elif self.uploads == "closed":
            raise UploadsClosed
        elif self.uploads == "account" and not with_account:
            raise AccountAsked

    def check_code(self, given: str | None) -> str:
        """Return the name of a code; raises UploadCodeAsked where there is none, UploadCodeWrong for a wrong one."""
        if not given:
            raise UploadCodeAsked
        name = self.codes.name_of(given)
        if name is None:
            raise UploadCodeWrong
        return name
