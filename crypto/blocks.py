from __future__ import annotations

from crypto.keys import derive
from crypto.server_keys import ServerKeys


def block_tags(server_keys: ServerKeys, digest: bytes) -> list[bytes]:
    """Return the tags under which an image's SHA-256 may be blocked, 32 bytes each; the newest server key's is
    first."""
    return [derive(digest, "mayfly/v1/blocked", salt=server_key) for server_key in server_keys]
