"""Which Host is believed: a page that points its own name at this server gets nothing, and no link leads elsewhere."""

from __future__ import annotations

import socket

import pytest
from flask.testing import FlaskClient

from app import Mayfly
from tests.cast import FLOWER, deposit, told
from tests.conftest import MakeApp
from tests.processes import Served
from web.answer.errors import BadRequest
from web.request.hosts import Hosts

OWN = "drop.example.org"
BELIEVED = [
    "127.0.0.1",
    "127.0.0.1:5000",
    "192.0.2.7",
    "[::1]",
    "[::1]:5000",
    "[::FFFF:127.0.0.1]",
    "localhost",
    "LocalHost:5000",
    "localhost.",
    "printer",
    "my_app:80",
    "a.localhost",
    "printer.local",
    "db.internal:8080",
    "nas.home.arpa",
    OWN,
    "Drop.Example.ORG:443",
    "other.example.net",
    "example.com",
    "deep.below.example.com:8443",
]
FOREIGN = [
    "evil.example",
    "evil.example:5000",
    "example.org",
    "a.drop.example.org",
    "drop.example.org.evil.example",
    "xdrop.example.org",
    "below.other.example.net",
    "evilexample.com",
    "local.evil.example",
    "127.0.0.1.evil.example",
    "127.1",
    "0x7f.0.0.1",
    "xlocal.example",
    "1.2.3.4.5",
    "256.1.1.1",
]
MALFORMED = [
    "",
    " ",
    ":5000",
    "localhost:",
    "localhost:x",
    "localhost:123456",
    "localhost:80:80",
    "evil.example/path",
    'a"b',
    "a b",
    "a\tb",
    "<script>",
    "evil.example:80@x",
    "user@localhost",
    "localhost,localhost",
    "localhost,evil.example",
    "a..b",
    ".local",
    "..",
    "[::1",
    "::1",
    "[::g]",
    "[:::1]",
    "[fe80::1%25eth0]",
    "[127.0.0.1]",
    "löcalhost",
    "localhost\u0661",
    "a" * 64,
    "a." * 5000 + "local",
    "localhost\n",
]


@pytest.fixture
def hosts() -> Hosts:
    return Hosts(f"https://{OWN}/base", ("other.example.net", ".example.com"))


@pytest.mark.parametrize("host", BELIEVED)
def test_a_host_that_is_believed(hosts: Hosts, host: str) -> None:
    hosts.check([host])


@pytest.mark.parametrize(
    ("values", "status"),
    [([host], 421) for host in FOREIGN]
    + [([host], 400) for host in MALFORMED]
    + [([], 400), (["localhost", "localhost"], 400), (["localhost", "evil.example"], 400)],
)
def test_a_host_that_is_not(hosts: Hosts, values: list[str], status: int) -> None:
    for _ in range(2):  # the second time from memory
        with pytest.raises(BadRequest) as refused:
            hosts.check(values)
        assert refused.value.status == status
        assert ("TRUSTED_HOSTS" in str(refused.value)) is (status == 421)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/s"),
        ("POST", "/s"),
        ("GET", "/healthz"),
        ("GET", "/cleanup"),
        ("GET", "/images"),
    ]
    + [
        ("POST", "/upload"),
        ("PUT", "/cat.png"),
        ("DELETE", "/images/" + "x" * 32),
        ("GET", "/image/" + "x" * 32),
    ]
    + [("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/sharex.sxcu"), ("POST", "/api/login")]
    + [("GET", "/nothing/here"), ("PATCH", "/upload"), ("OPTIONS", "/upload")],
)
def test_every_address_refuses_a_foreign_host_and_repeats_none(
    client: FlaskClient, method: str, path: str
) -> None:
    for host, status in (("evil.example", 421), ("", 400), ("a..evil", 400)):
        answer = client.open(path, method=method, headers={"Host": host})
        assert answer.status_code == status
        assert "evil" not in answer.text + str(answer.headers)
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_page_that_rebinds_its_name_can_neither_list_nor_delete(make_app: MakeApp) -> None:
    client = make_app(open_catalog=True).test_client()
    image_key = told(client)["image_key"]
    page = {
        "Host": "rebound.evil.example",
        "Origin": "http://rebound.evil.example",
        "Sec-Fetch-Site": "same-origin",
    }
    assert client.get("/images", headers=page).status_code == 421
    assert client.delete(f"/images/{image_key}", headers=page).status_code == 421
    assert [image["image_key"] for image in client.get("/images").get_json()["data"]] == [image_key]


def test_what_a_proxy_tells_counts_only_behind_one_and_is_held_to_the_same_rule(make_app: MakeApp) -> None:
    def url(trusted_proxies: int, host: str, told: str) -> str:
        client = make_app(trusted_proxies=trusted_proxies, trusted_hosts=(OWN,)).test_client()
        headers = {"Host": host, "X-Forwarded-Host": told, "X-Forwarded-Proto": "https"}
        answer = client.put("/cat.jpg", data=FLOWER, headers=headers)
        return answer.text.partition("/image/")[0] if answer.status_code == 201 else str(answer.status_code)

    assert url(0, "localhost", "evil.example") == "http://localhost"
    assert url(1, "localhost", OWN) == f"https://{OWN}"
    assert url(1, OWN, OWN) == f"https://{OWN}"
    assert url(1, "localhost", "evil.example") == "421"
    assert url(1, "localhost", "a b") == "400"
    # A page may set X-Forwarded-Host itself: its own name is still in Host.
    assert url(1, "evil.example", "localhost") == "421"
    assert url(1, "localhost", f"evil.example, {OWN}") == f"https://{OWN}"
    assert url(2, "localhost", f"{OWN}, proxy.internal") == f"http://{OWN}"


def test_a_scheme_that_a_proxy_tells_is_one_of_two(make_app: MakeApp) -> None:
    client = make_app(trusted_proxies=1).test_client()
    for scheme, used in (("https", "https"), ("http", "http"), ("javascript", "http")):
        answer = client.put("/cat.jpg", data=FLOWER, headers={"X-Forwarded-Proto": scheme})
        assert answer.headers["Location"].startswith(f"{used}://localhost/image/")


def test_the_base_url_is_what_links_begin_with_whoever_asks(make_app: MakeApp) -> None:
    client = make_app(base_url="https://drop.example.org/m").test_client()
    for host in ("localhost", OWN, "192.0.2.1:81"):
        headers = {"Host": host}
        sent = client.post("/upload", data=FLOWER, headers=headers).get_json()
        assert sent["image_url"].startswith("https://drop.example.org/m/image/")
        assert sent["url"].startswith("https://drop.example.org/m/s#")
        assert (
            client.get("/sharex.sxcu", headers=headers).get_json()["RequestURL"]
            == "https://drop.example.org/m/upload"
        )
        assert "https://drop.example.org/m/upload" in client.get("/", headers=headers).text


def test_what_repeats_the_address_is_kept_by_no_cache(client: FlaskClient) -> None:
    link = deposit(client, views=1)
    page = {"Accept": "text/html"}
    for answer in (
        client.get("/"),
        client.get("/sharex.sxcu"),
        client.post("/upload", data=FLOWER),
        client.post("/upload", data=FLOWER, headers=page),
        client.put("/cat.jpg", data=FLOWER),
        client.get(f"/image/{link}"),
        client.get(f"/image/{link}", headers=page),
        client.post("/s/qr", data={"link": link}),
    ):
        assert answer.headers["Cache-Control"] == "no-store", answer.request.path
    assert (
        f"curl -X POST -o image http://localhost/image/{link}"
        in client.get(f"/image/{link}").get_json()["message"]
    )


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost:\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n", 421),
        (b"GET /healthz HTTP/1.1\r\nHost: caf\xe9\r\n", 400),
    ],
)
def test_a_server_is_told_its_host_once(server: Served, head: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(head + b"Connection: close\r\n\r\n")
        assert int(client.recv(65536).split()[1]) == status


@pytest.mark.parametrize(
    "name",
    [
        "Accept",
        "Accept-Language",
        "Accept-Encoding",
        "Authorization",
        "Content-Type",
        "Cookie",
        "If-None-Match",
    ]
    + ["Origin", "Range", "Forwarded", "X-Forwarded-For", "X-Anything"],
)
def test_a_header_longer_than_8_kib_is_parsed_by_nobody(app: Mayfly, name: str) -> None:
    client = app.test_client(use_cookies=False)
    for size, refused in ((8192, False), (8193, True), (300_000, True)):
        value = ("text/plain," * size)[:size]
        answer = client.post("/upload", data=FLOWER, headers={name: value})
        assert (answer.status_code == 431) is refused
        if refused:
            assert answer.get_json()["error"] == "header_too_long"  # as JSON: its Accept was not parsed
