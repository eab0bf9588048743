from __future__ import annotations

from crypto.keys import derive
from crypto.server_keys import ServerKeys

TAG_BYTES = 16


def client_tag(server_keys: ServerKeys, address: str, purpose: str) -> bytes:
    """Return 16 bytes that stand for a client's address, for one purpose: without the server key they tell nothing.

    They are keyed by the newest server key alone, so that a new key makes every count begin anew.
    """
    return derive(address.encode(), f"mayfly/v1/client/{purpose}", TAG_BYTES, salt=server_keys.newest)
