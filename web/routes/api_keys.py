"""The API keys of an account; they are made and revoked with a login's token alone."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from services import AccountAsked, ApiKeys, KeyGone, KeyInfo, TooManyKeys
from web.answer.schemas import ApiKeysAnswer, ListedKey, NewKeyAnswer
from web.description.common import DATABASE, DONE
from web.description.operation import Answer, Operation, RequestBody
from web.request.auth import account
from web.request.json_body import read_json
from web.request.strict import Strict

LONGEST_NAME = 64
NAME = f"is a text of 1 to {LONGEST_NAME} characters, none of them a control character"
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
"""No control characters, line ends or overrides of direction: a name is shown in lists."""
KEPT_TO_ITSELF = {"Cache-Control": "no-store"}


class KeyWish(Strict):
    """The name of a new API key."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=PRINTABLE, description=NAME)]


def api_key_routes(api_keys: ApiKeys) -> Blueprint:
    """The routes of API keys."""
    routes = Blueprint("api_keys", __name__, url_prefix="/api/me/keys")
    _add_keys(routes, api_keys)
    _add_revoking(routes, api_keys)
    return routes


def _add_keys(routes: Blueprint, api_keys: ApiKeys) -> None:
    @routes.post("")
    @Operation(
        "Make an API key, which is shown this once",
        {201: Answer("The API key.", NewKeyAnswer, headers=("Cache-Control",))},
        (AccountAsked, TooManyKeys, *DATABASE),
        body=RequestBody(KeyWish),
        account="logged in",
    )
    def make() -> Response:
        owner, wish = account(), read_json(request, KeyWish)
        info, api_key = api_keys.make(owner, wish.name)
        answer: NewKeyAnswer = {**_listed(info), "key": api_key}
        response = jsonify(answer)
        response.status_code = 201
        response.headers.update(KEPT_TO_ITSELF)
        return response

    @routes.get("")
    @Operation(
        "List one's API keys",
        {200: Answer("The API keys, the oldest first.", ApiKeysAnswer, headers=("Cache-Control",))},
        (AccountAsked, *DATABASE),
        account="logged in",
    )
    def listed() -> Response:
        answer: ApiKeysAnswer = {
            "status": "success",
            "data": [_listed(key) for key in api_keys.of(account())],
        }
        response = jsonify(answer)
        response.headers.update(KEPT_TO_ITSELF)
        return response


def _add_revoking(routes: Blueprint, api_keys: ApiKeys) -> None:
    @routes.delete("/<key_id>")
    @Operation(
        "Revoke an API key",
        DONE,
        (AccountAsked, KeyGone, *DATABASE),
        path={"key_id": {"type": "string", "format": "uuid"}},
        account="logged in",
    )
    def revoke(key_id: str) -> Response:
        owner = account()
        try:
            wanted = UUID(key_id)
        except ValueError:
            raise KeyGone from None
        api_keys.revoke(owner, wanted)
        return jsonify(status="success")


def _listed(key: KeyInfo) -> ListedKey:
    return {
        "id": str(key.id),
        "name": key.name,
        "created_at": key.created_at.isoformat(),
        "used_on": key.used_on.isoformat() if key.used_on else None,
    }
