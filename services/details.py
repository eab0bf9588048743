from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

PLAIN = b"\x00"
"""First byte of the details: JSON follows (crypto/README.md)."""


@dataclass(frozen=True)
class Details:
    """Everything about an image but its bytes; sealed in the database."""

    content_type: str
    filename: str
    width: int
    height: int
    frames: int
    sha256: str
    description: str | None = None
    metadata: dict[str, Any] | None = None

    def encode(self) -> bytes:
        """Write the details as they are sealed: a zero byte, then JSON without what was not given."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return PLAIN + json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, encoded: bytes) -> Details:
        """Read what ``encode`` wrote."""
        return cls(**json.loads(encoded[len(PLAIN) :]))
