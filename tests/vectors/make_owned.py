"""Writes the vectors in owned/: what is kept for an owner. ``python -m tests.vectors.make_owned``."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any
from uuid import UUID

from crypto import ApiKey, Claims, ImageKey, OwnerSeal, ServerKeys, issue_token

FOLDER = Path(__file__).parent / "owned"
SERVER_KEY, OLDER_KEY, WRONG_KEY = (bytes([n]) * 32 for n in (1, 2, 3))
ALICE, CHARLIE = UUID(int=0xA11CE), UUID(int=0xC0FFEE)
IMAGE_KEY, OTHER_KEY = ImageKey(bytes(range(24))), ImageKey(bytes(range(24, 48)))
ACCOUNT = b'{"login":"alice","email":"alice@example.org","password":"$argon2id$..."}'
API_KEY = ApiKey(bytes(range(48, 72)))
KEPT = json.dumps({"name": "nightly", "digest": API_KEY.digest.hex()}, separators=(",", ":")).encode()
NAMES = {"model_id": "chair \u00e4", "login": "alice", "email": "alice@example.org"}
AT = 1_800_000_000


def row(server_key: bytes) -> dict[str, Any]:
    seal = OwnerSeal(ServerKeys((server_key,)))
    return {
        "expected": "opens",
        "server_keys": [urlsafe_b64encode(key).decode() for key in (SERVER_KEY, OLDER_KEY)],
        "owner": str(ALICE),
        "row_key": IMAGE_KEY.link.row_key.hex(),
        "owner_key": seal.seal_image_key(ALICE, IMAGE_KEY, at=AT).hex(),
        "account": seal.seal_account(ALICE, ACCOUNT, at=AT).hex(),
        "api_key": API_KEY.text,
        "sealed_api_key": seal.seal_api_key(ALICE, KEPT, at=AT).hex(),
        "names": NAMES,
        "tags": {
            "model_id": seal.model_tags(ALICE, NAMES["model_id"])[0].hex(),
            "login": seal.login_tags(NAMES["login"])[0].hex(),
            "email": seal.email_tags(NAMES["email"])[0].hex(),
            "api_key": seal.api_key_tags(API_KEY.digest)[0].hex(),
        },
        "token": issue_token(ServerKeys((server_key,)), Claims(ALICE, 3, AT + 60), at=AT),
        "opened": {
            "image_key": IMAGE_KEY.text,
            "account": ACCOUNT.decode(),
            "version": 3,
            "exp": AT + 60,
            "api_key": KEPT.decode(),
        },
    }


def main() -> None:
    unopenable = {"expected": "unopenable", "opened": None}
    wrong_keys = {"server_keys": [urlsafe_b64encode(WRONG_KEY).decode()]}
    vectors = {
        "opens": row(SERVER_KEY),
        "older_server_key": row(OLDER_KEY),
        "another_owner": row(SERVER_KEY) | {"owner": str(CHARLIE)} | unopenable,
        "another_image": row(SERVER_KEY) | {"row_key": OTHER_KEY.link.row_key.hex()} | unopenable,
        "wrong_server_key": row(SERVER_KEY) | wrong_keys | unopenable,
    }
    FOLDER.mkdir(exist_ok=True)
    for name, vector in vectors.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(vector, indent=2) + "\n")


if __name__ == "__main__":
    main()
