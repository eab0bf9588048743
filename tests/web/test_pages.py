"""The pages as a browser gets them, and what they ask the server; tests/browser uses them."""

from __future__ import annotations

import gzip
import io
import re

import brotli
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from crypto import Link
from tests.cast import deposit
from tests.conftest import MakeApp
from web.pages import assets, page
from web.pages.encoding import encode
from web.pages.languages import languages
from web.request.links import link_in

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
JSON = {"Accept": "application/json"}
ASSET = re.compile(r'(?:href|src)="([^"]*/static/[^"]+)"')


PACKED = {"Accept-Encoding": "gzip, deflate, br, zstd"}
"""What browsers accept over TLS."""


def drop_by_form(client: FlaskClient, data: bytes, **fields: str) -> TestResponse:
    """Upload as a form without scripts does: with every field, the empty ones too."""
    form = {"lifetime": "300", "views": "", "password": ""} | fields
    return client.post(
        "/upload", data={"file": (io.BytesIO(data), "cat.jpg"), **form}, headers=BROWSER | PACKED
    )


def test_a_browser_gets_the_drop_page_and_curl_the_help(client: FlaskClient) -> None:
    assert client.get("/", headers=BROWSER).mimetype == "text/html"
    for accepted in ("*/*", "text/plain", ""):
        answer = client.get("/", headers={"Accept": accepted})
        assert answer.mimetype == "text/plain"
        assert "curl" in answer.text
        assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("settings", "offered"),
    [
        ({}, [60, 300, 900, 3600]),
        ({"max_lifetime": 600}, [60, 300]),
        ({"lifetime": 90, "max_lifetime": 90}, [60, 90]),
        ({"lifetime": 30, "max_lifetime": 30}, [30]),
    ],
)
def test_the_server_bounds_the_lifetimes(
    make_app: MakeApp, settings: dict[str, int], offered: list[int]
) -> None:
    drop = make_app(**settings).test_client().get("/", headers=BROWSER).text
    found = re.findall(r'name="lifetime" value="(\d+)"( checked)?', drop)
    assert [int(seconds) for seconds, _ in found] == offered
    usual = str(settings.get("lifetime", 300))
    assert [seconds for seconds, checked in found if checked] == [usual]


def test_a_form_s_answer_is_a_page_with_everything(client: FlaskClient, flower: bytes) -> None:
    answer = drop_by_form(client, flower, views="2", password="sesame")
    assert (answer.status_code, answer.mimetype) == (201, "text/html")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Encoding" not in answer.headers, "a page with secrets stays uncompressed"
    url = re.search(r'value="http://localhost/s#([\w-]{32})"', answer.text)
    key = re.search(r'name="image_key" value="([\w-]{32})"', answer.text)
    assert url
    assert key
    lines = re.sub(r"</?span[^>]*>", "", answer.text)
    assert f">curl -X POST -u mayfly -o image.jpeg http://localhost/image/{url[1]}</pre>" in lines
    assert f">curl -X DELETE http://localhost/images/{key[1]}</pre>" in lines
    assert page.qr(f"http://localhost/s#{url[1]}") in answer.text
    assert client.post(f"/image/{url[1]}", data={"password": "sesame"}).status_code == 200
    gone = client.post("/s/delete", data={"image_key": key[1]}, headers=BROWSER)
    assert (gone.status_code, gone.mimetype) == (200, "text/html")
    assert client.post(f"/image/{url[1]}", data={"password": "sesame"}).status_code == 404


@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (3, 413, "Several images together may be too large"),
        (41, 400, "An upload may have 20 images at most."),
    ],
)
def test_too_much_by_one_form_is_told_so(
    make_app: MakeApp, flower: bytes, number: int, status: int, words: str
) -> None:
    client = make_app(max_image_bytes=2 * len(flower)).test_client()
    data = [(io.BytesIO(flower if status == 413 else b""), f"{place}.jpg") for place in range(number)]
    answer = client.post("/upload", data={"file": data}, headers=BROWSER)
    assert (answer.status_code, words in answer.text) == (status, True)


def test_a_file_name_can_t_break_out_of_the_page(client: FlaskClient, flower: bytes) -> None:
    answer = drop_by_form(client, flower, filename='"><script>alert(1)<')
    assert "<script>alert" not in answer.text


def test_a_script_s_empty_option_is_still_refused(client: FlaskClient, flower: bytes) -> None:
    data = {"file": (io.BytesIO(flower), "cat.jpg"), "views": ""}
    assert client.post("/upload", data=data).status_code == 400


def test_a_glance_tells_what_there_is_and_counts_nothing(client: FlaskClient, engine: Engine) -> None:
    link = deposit(client, views=2, password="sesame")
    for pasted in (link, f"http://localhost/s#{link}", f" https://x.example/image/{link}\n"):
        seen = client.post("/s", data={"link": pasted}, headers=JSON)
        assert seen.headers["Cache-Control"] == "no-store"
        told = seen.get_json()
        assert 290 < told.pop("expires_in") <= 300
        assert told.pop("expires_at").endswith("+00:00")
        assert told.pop("size") > 0
        assert told == {"status": "success", "views_left": 2, "password": True}
    with engine.connect() as connection:
        row = connection.execute(text("SELECT views_left, (SELECT count(*) FROM guesses) FROM images")).one()
    assert tuple(row) == (2, 0)


def test_a_glance_by_form_is_a_page_that_can_open(client: FlaskClient, flower: bytes) -> None:
    link = deposit(client, views=1, password="sesame")
    found = client.post("/s", data={"link": link}, headers=BROWSER)
    assert f'name="link" value="{link}"' in found.text
    fields = {"link": link, "password": "wrong"}
    for password, status in (("wrong", 403), ("", 403)):
        wrong = client.post("/s/open", data=fields | {"password": password}, headers=BROWSER)
        assert (wrong.status_code, wrong.mimetype) == (status, "text/html")
        assert "WWW-Authenticate" not in wrong.headers, "or the browser asks by itself"
        assert f'name="link" value="{link}"' in wrong.text
    opened = client.post("/s/open", data=fields | {"password": "sesame"}, headers=BROWSER)
    assert (opened.mimetype, opened.headers["Views-Left"]) == ("image/jpeg", "0")


def test_opening_for_a_script_answers_as_the_image_s_own_address(client: FlaskClient) -> None:
    link = deposit(client, password="sesame")
    for password, status in (("", 401), ("wrong", 403), ("sesame", 200)):
        fields = {"link": link, "password": password}
        assert client.post("/s/open", data=fields, headers=JSON).status_code == status


@pytest.mark.parametrize("link", ["", "a" * 32, "a" * 33, "nothing", "a" * 31 + "ä", "\0" * 32])
def test_there_is_one_answer_to_every_wrong_link(client: FlaskClient, link: str) -> None:
    for path in ("/s", "/s/open"):
        answer = client.post(path, data={"link": link}, headers=JSON)
        assert (answer.status_code, answer.get_json()["error"]) == (404, "not_found")


def test_people_are_told_that_a_link_was_cut_off_and_programs_the_same_as_ever(client: FlaskClient) -> None:
    for pasted in ("a" * 31, f"http://localhost/s#{'a' * 20}"):
        cut = client.post("/s", data={"link": pasted}, headers=BROWSER)
        assert (cut.status_code, "This link was cut off" in cut.text) == (404, True)
        assert client.post("/s", data={"link": pasted}, headers=JSON).get_json()["error"] == "not_found"
    for pasted in ("a" * 32, "a" * 19, "a" * 33, "nothing"):
        answer = client.post("/s", data={"link": pasted}, headers=BROWSER)
        assert (answer.status_code, "cut off" in answer.text) == (404, False)


def test_an_expired_image_is_told_apart_from_none(client: FlaskClient, engine: Engine) -> None:
    link = deposit(client)
    with engine.begin() as connection:
        # Moved as only who runs the database could: the row is dead, and was there.
        statement = "UPDATE images SET created_at = created_at - interval '1h', expires_at = now() WHERE row_key = :key"
        connection.execute(text(statement), {"key": Link.parse(link).row_key})
    expired = client.post("/s", data={"link": link}, headers=JSON)
    assert expired.data == client.post("/s", data={"link": "b" * 32}, headers=JSON).data


def test_only_what_a_page_asks_is_answered(client: FlaskClient) -> None:
    link = deposit(client)
    for path in ("/s", "/s/open", "/s/qr"):
        assert client.post(path, data={"link": link, "more": "1"}, headers=JSON).status_code == 400
        assert client.post(f"{path}?link={link}", headers=JSON).status_code == 400, "no link in a URL"
    assert client.post("/s/delete", data={"image_key": link}, headers=JSON).status_code == 404
    assert client.post("/s/qr", data={"link": "no"}, headers=JSON).get_json()["error"] == "bad_link"


def test_the_qr_code_is_of_the_share_url(make_app: MakeApp) -> None:
    client = make_app(base_url="https://drop.example.org/mayfly").test_client()
    answer = client.post("/s/qr", data={"link": "a" * 32})
    assert answer.mimetype == "image/svg+xml"
    assert answer.text == page.qr("https://drop.example.org/mayfly/s#" + "a" * 32)
    assert answer.text != page.qr("https://drop.example.org/mayfly/s#" + "b" * 32)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_s_form_does_nothing(client: FlaskClient, site: str) -> None:
    link = deposit(client, views=1)
    answer = client.post("/s/open", data={"link": link}, headers=JSON | {"Sec-Fetch-Site": site})
    assert (answer.status_code, answer.get_json()["error"]) == (403, "cross_site")
    own = {"Sec-Fetch-Site": "same-origin"}
    assert client.post("/s/open", data={"link": link}, headers=JSON | own).status_code == 200


def test_every_answer_is_hardened(client: FlaskClient) -> None:
    link = deposit(client)
    for path in ("/", "/s", "/healthz", "/nothing", f"/image/{link}"):
        for accepted in (BROWSER, JSON):
            headers = client.get(path, headers=accepted).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert headers["Cross-Origin-Resource-Policy"] == (
                "cross-origin" if path.startswith("/image") else "same-origin"
            )
            assert "camera=()" in headers["Permissions-Policy"]
            policy = headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert ("sandbox" in policy) == path.startswith("/image")
            assert "Set-Cookie" not in headers


def test_the_pages_stand_below_the_base_url(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(base_url="https://drop.example.org/mayfly").test_client()
    link = deposit(client, views=1)
    pages = [
        *(client.get(path, headers=BROWSER).text for path in ("/", "/s", "/nothing")),
        drop_by_form(client, flower).text,
        client.post("/s", data={"link": link}, headers=BROWSER).text,
    ]
    for html in pages:
        here = re.findall(r'(?:href|src|action)="(/[^"]*)"', html)
        assert here
        assert all(path.startswith("/mayfly/") for path in here)
        assert 'data-base="/mayfly"' in html
    sent_on = client.get(f"/image/{link}", headers=BROWSER)
    assert sent_on.headers["Location"] == f"/mayfly/s#{link}"


@pytest.mark.parametrize("language", sorted(set(languages().values())))
def test_both_pages_weigh_little_and_ask_nobody_else(client: FlaskClient, language: str) -> None:
    fetched: dict[str, int] = {}
    for path in ("/", "/s"):
        asked = BROWSER | PACKED | {"Accept-Language": language}
        page = client.get(path, headers=asked)
        fetched[path] = len(page.data)
        html = brotli.decompress(page.data).decode()
        assert "Accept-Encoding" in page.headers["Vary"]
        for name in ASSET.findall(html):
            fetched[name] = len(client.get(name, headers=PACKED).data)
    files = assets.Assets().files
    asked_for = {name for name in files if name.startswith(("edit/", "later/"))}
    apart = ("docs.css", "icons/", "receipt/", "preview.png")
    theirs = {name for name in files if not name.startswith(apart)} - asked_for
    assert {name.split("/", 3)[3] for name in fetched if "/static/" in name} == theirs, "all are preloaded"
    later = {name: len(encode(files[name].data, "br")) for name in asked_for}
    assert sum(fetched.values()) + sum(later.values()) < 45_000
    assert not any(
        re.search(rb"^ *//", files[name].data, re.MULTILINE) for name in files if name.endswith(".js")
    )
    everything = b"".join(asset.data for asset in files.values()) + html.encode()
    assert set(re.findall(rb"https?://[\w.]+", everything)) <= {b"http://www.w3.org", b"http://localhost"}


DECODED = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}


@pytest.mark.parametrize(
    ("taken", "encoding"),
    [("gzip, deflate, br, zstd", "br"), ("gzip, deflate", "gzip"), ("br;q=0", None), ("", None)],
)
def test_a_page_and_its_files_come_as_the_browser_takes_them(
    client: FlaskClient, taken: str, encoding: str | None
) -> None:
    for path in ("/", *ASSET.findall(client.get("/", headers=BROWSER).text)):
        answer = client.get(path, headers=BROWSER | {"Accept-Encoding": taken})
        assert answer.headers.get("Content-Encoding") == encoding
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert DECODED[encoding](answer.data) == client.get(path, headers=BROWSER).data


def test_scripts_and_styles_go_out_without_comments_and_indents_and_with_every_other_line() -> None:
    for name, asset in assets.Assets().files.items():
        if name.endswith((".js", ".css")):
            lines = (assets.FOLDER / name).read_text().splitlines()
            kept = ["" if line.strip().startswith("//") else line.lstrip() for line in lines]
            assert asset.data.decode().splitlines() == kept
            inside = "a text over several lines may hold such a line"
            assert not any(line.count("`") % 2 for line in lines if not line.strip().startswith("//")), inside


def test_a_file_is_kept_for_good_under_its_version_only(client: FlaskClient) -> None:
    path = ASSET.findall(client.get("/", headers=BROWSER).text)[0]
    assert "immutable" in client.get(path).headers["Cache-Control"]
    older = re.sub(r"/static/\w+/", "/static/0123456789ab/", path)
    assert client.get(older).headers["Cache-Control"] == "no-store"
    assert client.get(path + "x").status_code == 404
    assert client.get("/static/x/..%2fpages.py").status_code in {404, 405}


@pytest.mark.parametrize(
    ("pasted", "link"),
    [
        ("a" * 32, "a" * 32),
        ("https://h/mayfly/s#" + "a" * 32, "a" * 32),
        (f"http://h/image/{'a' * 32}?fbclid={'b' * 32}", "a" * 32),
        (f"http://{'b' * 32}.example.org/image/{'a' * 32}/cat.jpg", "a" * 32),
        (f"<http://h/s#{'a' * 32}>.", "a" * 32),
        (f"Look:\nhttp://h/image/{'a' * 32}.JPG, now", "a" * 32),
        ("a" * 33, ""),
        ("x#", ""),
        ("", ""),
    ],
)
def test_a_link_is_found_in_what_is_pasted(pasted: str, link: str) -> None:
    assert link_in(pasted) == link
