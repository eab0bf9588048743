"""The gate: who may upload and register in each mode, where a code may stand, and what is noted of it."""

from __future__ import annotations

import hmac
import io
import logging
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from addresses import parse_networks
from app import Mayfly
from services import UploadCodes
from services import gate as service
from tests.cast import FLOWER, PASSWORD, register, told
from tests.conftest import MakeApp
from tests.web.test_limits import rates
from units import parse_upload_codes
from web.description.operation import operation_of

CODE, OTHER, WRONG = "friends-0123456789", "cron-0123456789ab", "friends-0123456780"
CODES = (("friends", CODE), ("cron", OTHER))
HTML = {"Accept": "text/html"}
ROUTES = {
    ("POST", "/"),
    ("POST", "/upload"),
    ("POST", "/images/upload"),
    ("PUT", "/cat.jpg"),
    ("PUT", "/"),
}


def basic(user: str, password: str = "") -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def upload(
    client: FlaskClient, headers: dict[str, str] | None = None, path: str = "/upload", **fields: str
) -> TestResponse:
    return client.post(path, data={"file": (io.BytesIO(FLOWER), "cat.jpg"), **fields}, headers=headers)


def refused(answer: TestResponse, status: int, code: str) -> str:
    told = answer.get_json()
    assert (answer.status_code, told["error"]) == (status, code), answer.text
    assert told["message"].endswith((".", ":"))
    return str(told["message"])


@pytest.fixture
def asking(make_app: MakeApp) -> Mayfly:
    return make_app(uploads="code", upload_codes=CODES)


@pytest.fixture
def notes(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "mayfly.audit")
    return caplog


def noted(notes: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in notes.records if record.name == "mayfly.audit"]


def every_way(client: FlaskClient, headers: dict[str, str]) -> list[TestResponse]:
    """An upload by each route that takes one; as JSON it takes an account, too."""
    return [client.open(path, method=method, data=FLOWER, headers=headers) for method, path in sorted(ROUTES)]


def test_every_route_that_takes_an_upload_has_the_gate(app: Mayfly) -> None:
    gated = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for operation in [operation_of(app.view_functions[rule.endpoint])]
        if operation and operation.gate == "upload"
        for method in rule.methods or ()
        if method in {"POST", "PUT"}
    }
    assert gated == {(method, path.replace("cat.jpg", "<anything:filename>")) for method, path in ROUTES} | {
        ("POST", "/api/images")
    }
    stored = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for operation in [operation_of(app.view_functions[rule.endpoint])]
        if operation and any("stored" in answer.why for answer in operation.answers.values())
        for method in rule.methods or ()
        if method in {"POST", "PUT"}
    }
    assert stored == gated


def test_without_a_code_every_route_says_what_is_asked(asking: Mayfly) -> None:
    for answer in every_way(asking.test_client(), {"Accept": "application/json"}):
        assert "Upload-Code" in refused(answer, 401, "upload_code_asked")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("settings", "path", "headers"),
    [
        ({"uploads": "closed"}, "/upload", {}),
        ({"uploads": "code", "upload_codes": CODES}, "/upload", {}),
        ({"uploads": "code", "upload_codes": CODES}, "/upload", {"Upload-Code": WRONG}),
        ({"registration": "closed"}, "/api/registration", {}),
    ],
    ids=["uploads closed", "code asked", "code wrong", "registration closed"],
)
def test_a_refusal_names_whom_to_ask_where_the_operator_named_one(
    make_app: MakeApp, settings: dict[str, Any], path: str, headers: dict[str, str]
) -> None:
    told = []
    for contact in (None, "mailto:abuse@example.org"):
        client = make_app(abuse_contact=contact, **settings).test_client()
        answer = client.post(path, data=b"x", headers=headers)
        assert answer.status_code in {401, 403}
        told.append(answer.get_json()["message"].endswith(". Questions about it go to abuse@example.org."))
    assert told == [False, True]


def test_a_code_opens_every_route_and_a_wrong_one_none(asking: Mayfly) -> None:
    client = asking.test_client()
    for code in (CODE, OTHER):
        for headers in ({"Upload-Code": code}, basic(code)):
            assert {answer.status_code for answer in every_way(client, headers)} == {201}
    for headers in ({"Upload-Code": WRONG}, basic(WRONG), {"Upload-Code": CODE[:-1]}, {"Upload-Code": "ü"}):
        for answer in every_way(client, headers | {"Accept": "application/json"}):
            refused(answer, 403, "upload_code_wrong")
            assert "WWW-Authenticate" not in answer.headers


def test_a_code_may_be_a_field_of_the_form(asking: Mayfly) -> None:
    client = asking.test_client()
    for path in ("/", "/upload", "/images/upload"):
        assert upload(client, path=path, upload_code=CODE).status_code == 201
        refused(upload(client, path=path, upload_code=WRONG), 403, "upload_code_wrong")
        refused(upload(client, path=path), 401, "upload_code_asked")


def test_a_field_that_was_left_empty_is_no_code(asking: Mayfly) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="upload_code"\r\n\r\n\r\n'
    body += b'--x\r\nContent-Disposition: form-data; name="file"; filename="cat.jpg"\r\n\r\n'
    body += FLOWER + b"\r\n--x--\r\n"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    refused(asking.test_client().post("/upload", data=body, headers=form), 401, "upload_code_asked")


def test_a_code_as_the_user_name_leaves_the_password_to_the_image(asking: Mayfly) -> None:
    client = asking.test_client()
    link = upload(client, basic(CODE, "secret")).get_json()["hash"]
    assert client.post(f"/image/{link}").status_code == 401
    assert client.post(f"/image/{link}", headers=basic("", "secret")).data == FLOWER
    open_one = upload(client, basic(CODE)).get_json()["hash"]
    assert client.get(f"/image/{open_one}").data == FLOWER


def test_an_account_is_asked_for_a_code_too(asking: Mayfly) -> None:
    client = asking.test_client()
    token = register(client)
    refused(upload(client, token), 401, "upload_code_asked")
    assert upload(client, token | {"Upload-Code": CODE}).status_code == 201
    data = {"data": b64encode(FLOWER).decode()}
    refused(client.post("/api/images", json=data, headers=token), 401, "upload_code_asked")
    assert client.post("/api/images", json=data | {"upload_code": CODE}, headers=token).status_code == 201
    assert client.post("/api/images", json=data, headers=token | {"Upload-Code": CODE}).status_code == 201
    wrong = client.post("/api/images", json=data | {"upload_code": WRONG}, headers=token)
    refused(wrong, 403, "upload_code_wrong")


def test_a_header_is_judged_before_the_body_is_looked_at(asking: Mayfly, make_app: MakeApp) -> None:
    """A body that is no form, no image and no JSON is not what is told of."""
    client = asking.test_client()
    form = "multipart/form-data; boundary=x"
    broken = {"data": b"--x\r\nbroken", "content_type": form}
    refused(client.post("/upload", headers={"Upload-Code": WRONG}, **broken), 403, "upload_code_wrong")
    refused(client.post("/upload", headers={"Upload-Code": CODE}, **broken), 400, "bad_multipart")
    refused(
        client.put("/cat.jpg", data=b"", headers={"Accept": "application/json"}), 401, "upload_code_asked"
    )
    closed = make_app(uploads="closed").test_client()
    refused(closed.post("/upload", **broken), 403, "uploads_closed")


@pytest.mark.parametrize("mode", ["open", "code", "account", "closed"])
def test_a_code_never_stands_in_a_url(make_app: MakeApp, mode: str) -> None:
    client = make_app(uploads=mode, upload_codes=CODES).test_client()
    assert "URL" in refused(upload(client, path=f"/upload?upload_code={CODE}"), 400, "code_in_url")


def test_where_no_code_is_asked_for_one_does_no_harm(client: FlaskClient) -> None:
    assert upload(client, {"Upload-Code": CODE}).status_code == 201
    assert upload(client, upload_code=CODE).status_code == 201
    assert upload(client, basic("anybody", "secret")).status_code == 201


def test_with_accounts_alone_a_token_uploads_and_a_code_does_not(make_app: MakeApp) -> None:
    client = make_app(uploads="account", upload_codes=CODES).test_client()
    token = register(client)
    for answer in every_way(client, {"Accept": "application/json", "Upload-Code": CODE}):
        refused(answer, 401, "account_asked")
    assert {answer.status_code for answer in every_way(client, token)} == {201}
    assert (
        client.post("/api/images", json={"data": b64encode(FLOWER).decode()}, headers=token).status_code
        == 201
    )


def test_closed_to_uploads_alone(app: Mayfly, make_app: MakeApp) -> None:
    """Reading, describing and deleting go on, and so do accounts."""
    image = told(app.test_client())
    client = make_app(
        uploads="closed", upload_codes=CODES, upload_networks=parse_networks("127.0.0.1")
    ).test_client()
    token = register(client)
    for headers in ({"Upload-Code": CODE}, token, basic(CODE)):
        for answer in every_way(client, headers | {"Accept": "application/json"}):
            refused(answer, 403, "uploads_closed")
    answer = client.post("/api/images", json={"data": b64encode(FLOWER).decode()}, headers=token)
    refused(answer, 403, "uploads_closed")
    assert client.get(f"/image/{image['hash']}").data == FLOWER
    assert client.get(f"/images/{image['image_key']}").status_code == 200
    assert client.get("/api/me", headers=token).status_code == 200
    assert client.delete(f"/images/{image['image_key']}").status_code == 200


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("192.0.2.7", 201),
        ("::ffff:192.0.2.7", 201),
        ("192.0.3.7", 401),
        ("2001:db8::1", 201),
        ("2001:db8::2", 401),
        ("fe80::1%eth0", 201),
        ("unix", 401),
        ("", 401),
    ],
)
def test_a_network_needs_no_code_by_the_exact_address(make_app: MakeApp, address: str, status: int) -> None:
    networks = parse_networks("192.0.2.0/24 2001:db8::1 fe80::/64")
    client = make_app(uploads="code", upload_codes=CODES, upload_networks=networks).test_client()
    client.environ_base["REMOTE_ADDR"] = address
    assert upload(client).status_code == status
    assert upload(client, {"X-Forwarded-For": "192.0.2.7"}).status_code == status


def test_behind_a_proxy_the_network_is_the_client_s(make_app: MakeApp) -> None:
    networks = parse_networks("192.0.2.0/24")
    settings: dict[str, Any] = {"uploads": "code", "upload_codes": CODES, "upload_networks": networks}
    client = make_app(trusted_proxies=1, **settings).test_client()
    client.environ_base["REMOTE_ADDR"] = "203.0.113.1"
    told = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "localhost"}
    assert upload(client, told | {"X-Forwarded-For": "192.0.2.7"}).status_code == 201
    assert upload(client, told | {"X-Forwarded-For": "192.0.2.7, 203.0.113.9"}).status_code == 401


def ask(client: FlaskClient, login: str, headers: dict[str, str] | None = None, **more: str) -> TestResponse:
    asked = {"login": login, "email": f"{login}@example.org", "password": PASSWORD, **more}
    return client.post("/api/registration", json=asked, headers=headers)


def test_registration_takes_a_code(make_app: MakeApp) -> None:
    """Also where the address needs none to upload: an account stays when somebody leaves the network."""
    networks = parse_networks("127.0.0.1")
    client = make_app(
        registration="code", uploads="code", upload_codes=CODES, upload_networks=networks
    ).test_client()
    refused(ask(client, "a"), 401, "upload_code_asked")
    refused(ask(client, "a", upload_code=WRONG), 403, "upload_code_wrong")
    refused(ask(client, "a", {"Upload-Code": WRONG}), 403, "upload_code_wrong")
    assert ask(client, "a", upload_code=CODE).status_code == 201
    assert ask(client, "b", {"Upload-Code": CODE}).status_code == 201
    assert ask(client, "c", basic(CODE)).status_code == 201
    assert upload(client).status_code == 201


def test_registration_is_closed_and_logins_are_not(app: Mayfly, make_app: MakeApp) -> None:
    register(app.test_client())
    client = make_app(registration="closed", upload_codes=CODES).test_client()
    refused(ask(client, "a", upload_code=CODE), 403, "registration_closed")
    assert client.post("/api/login", json={"login": "alice", "password": PASSWORD}).status_code == 200


def test_each_refusal_and_each_code_is_noted_by_name(
    asking: Mayfly, make_app: MakeApp, notes: pytest.LogCaptureFixture
) -> None:
    client = asking.test_client()
    upload(client)
    upload(client, {"Upload-Code": WRONG})
    upload(client, upload_code=OTHER)
    client.put("/", data=FLOWER, headers=basic(CODE))
    shut = make_app(uploads="closed", registration="closed").test_client()
    upload(shut)
    ask(shut, "a")
    upload(make_app(uploads="account").test_client())
    ask(make_app(registration="code", upload_codes=CODES).test_client(), "a")
    assert noted(notes) == [
        "upload_refused reason=code_missing",
        "upload_refused reason=code_wrong",
        "upload_let_in code=cron",
        "upload_let_in code=friends",
        "upload_refused reason=closed",
        "registration_refused reason=closed",
        "upload_refused reason=account_missing",
        "registration_refused reason=code_missing",
    ]
    for secret in (CODE, OTHER, WRONG):
        assert secret not in notes.text


def test_wrong_codes_are_counted_by_client_and_right_ones_are_not(make_app: MakeApp) -> None:
    limits = rates("passwords", 2, None)
    client = make_app(uploads="code", upload_codes=CODES, rate_limits=limits).test_client()
    for _ in range(4):
        assert upload(client, {"Upload-Code": CODE}).status_code == 201
    statuses = [upload(client, {"Upload-Code": WRONG}).status_code for _ in range(3)]
    assert statuses == [403, 403, 429]
    refused(upload(client, upload_code=WRONG), 429, "too_many_requests")
    client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    refused(upload(client, {"Upload-Code": WRONG}), 403, "upload_code_wrong")


def test_a_browser_is_asked_by_the_page_and_not_by_a_window_of_its_own(asking: Mayfly) -> None:
    client = asking.test_client()
    answer = upload(client, HTML)
    assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (403, None)
    assert "upload code" in answer.text


def codes_of(file: Path) -> UploadCodes:
    return UploadCodes(parse_upload_codes(file.read_text()), file, parse_upload_codes)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A steady clock that stands still unless a test moves it."""
    time = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: time[0])
    return time


def test_a_file_of_codes_is_read_anew_when_it_changes(tmp_path: Path, clock: list[float]) -> None:
    file = tmp_path / "codes"
    file.write_text(f"friends:{CODE}\n")
    codes = codes_of(file)
    file.write_text(f"cron:{OTHER}\n")
    assert (codes.name_of(CODE), codes.name_of(OTHER)) == ("friends", None)
    clock[0] += service.LOOK_SECONDS
    assert (codes.name_of(CODE), codes.name_of(OTHER)) == (None, "cron")
    file.write_text(f"again:{OTHER}\n")  # as long as before, and in the same moment
    clock[0] += service.LOOK_SECONDS
    assert codes.name_of(OTHER) == "again"


@pytest.mark.parametrize(
    "content",
    [None, b"", b"friends", b"friends:short", b"\xff\xfe", b"a:" + b"x" * service.LARGEST_FILE],
    ids=["none", "empty", "no code", "short", "no text", "large"],
)
def test_a_file_that_can_t_be_read_keeps_the_codes_and_says_so_once(
    tmp_path: Path, clock: list[float], caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    file = tmp_path / "codes"
    file.write_text(f"friends:{CODE}")
    codes = codes_of(file)
    for _ in range(3):
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(content)
        clock[0] += service.LOOK_SECONDS
        assert codes.name_of(CODE) == "friends"
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "UPLOAD_CODES_FILE" in warned[0]
    assert CODE not in warned[0]
    file.write_text(f"cron:{OTHER}")
    clock[0] += service.LOOK_SECONDS
    assert (codes.name_of(CODE), codes.name_of(OTHER)) == (None, "cron")


def test_each_code_is_compared_whatever_stands_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time tells nothing of where a code stands, or whether it is good."""
    compared: list[bytes] = []
    real = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return real(one, other)

    monkeypatch.setattr("hmac.compare_digest", counting)
    codes = UploadCodes(CODES, None, parse_upload_codes)
    for given in (CODE, OTHER, WRONG):
        compared.clear()
        codes.name_of(given)
        assert compared == [CODE.encode(), OTHER.encode()]
