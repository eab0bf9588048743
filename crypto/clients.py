from __future__ import annotations

from crypto.keys import derive
from crypto.server_keys import ServerKeys

TAG_BYTES = 16


def client_tag(server_keys: ServerKeys, address: str, purpose: str) -> bytes:
    """Return a keyed tag of 16 bytes for a client's address and a purpose; without the server key it tells nothing.

    Only the newest server key is used, so all counts by client start from zero when a new key is added.
    """
    return derive(address.encode(), f"mayfly/v1/client/{purpose}", TAG_BYTES, salt=server_keys.newest)
