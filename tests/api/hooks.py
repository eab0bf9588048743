"""What schemathesis needs to know to get past the first check: true images, and an account of its own."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from uuid import uuid4

import requests
import schemathesis
from hypothesis import strategies as st

from tests.cast import FLOWER, IMAGES, PASSWORD

IMAGE_BYTES = [FLOWER, (IMAGES / "hopper.png").read_bytes(), (IMAGES / "hopper.webp").read_bytes()]
images = st.sampled_from(IMAGE_BYTES)
schemathesis.openapi.media_type("application/octet-stream", images)
schemathesis.openapi.media_type("image/*", images)
schemathesis.openapi.format("binary", images)
schemathesis.openapi.format("byte", images.map(lambda image: b64encode(image).decode()))
schemathesis.openapi.format("email", st.from_regex(r"\A[a-z0-9]{1,20}@[a-z]{1,20}\.(org|com)\Z"))
ALL_THE_TIME = 3600
"""How long one account is used, in seconds: one that changed halfway would not find the API key that it made."""
SECRETS = {"link": "image_id", "name": "image_id", "image_key": "image_key"}
TEXTS = ("filename", "description", "model_id", "password", "link", "image_key")


@schemathesis.auth(refresh_interval=ALL_THE_TIME, retry_on=[])
class Account:
    """Registers somebody and logs in: one account for all calls, and another for each that deletes its account."""

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str:
        url, login = str(case.operation.base_url).rstrip("/"), str(uuid4())
        fields = {"login": login, "email": f"{login}@example.org", "password": PASSWORD}
        requests.post(f"{url}/api/registration", json=fields, timeout=20).raise_for_status()
        credentials = {"login": login, "password": PASSWORD}
        return str(requests.post(f"{url}/api/login", json=credentials, timeout=20).json()["Authorization"])

    def set(self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext) -> None:
        deletes = case.operation.label == "DELETE /api/me"
        case.headers["Authorization"] = self.get(case, context) if deletes else data


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out forms in which a text is of another type: a form carries text alone, so a null arrives as a word."""
    if case.media_type != "multipart/form-data" or not isinstance(case.body, dict):
        return True
    return all(isinstance(case.body.get(name, ""), str) for name in TEXTS)


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: dict[str, str]) -> dict[str, str]:
    """Put the secret of a true image in every second place of one, since nobody draws 192 bits right."""
    for name, told in SECRETS.items():
        if len(str((path_parameters or {}).get(name, "x"))) % 2 == 0:
            url = str(getattr(context.operation, "base_url", "")).rstrip("/")
            path_parameters[name] = requests.post(f"{url}/upload", data=FLOWER, timeout=20).json()[told]
    return path_parameters
