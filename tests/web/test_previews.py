"""What a chat shows beside a link: the pages tell it, nothing is used up, and curl still gets text."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.cast import deposit
from tests.conftest import MakeApp
from web.pages.assets import FOLDER, PREVIEW

PROGRAMS = [
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "WhatsApp/2.23.20.0 A",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Twitterbot/1.0",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "meta-externalfetcher/1.1",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    "MicrosoftPreview/2.0; +https://aka.ms/MicrosoftPreview",
    "http.rb/2.2.2 (Mastodon/1.5.1; +https://social.example.org/)",
    "Synapse (bot; +https://github.com/matrix-org/synapse)",
    "Mattermost-Bot/1.1",
    "Iframely/1.3.1 (+https://iframely.com/docs/about) Atlassian",
    "Viber",
    "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
]
"""As these programs name themselves (the list crawler-user-agents); several send ``Accept: */*``."""
COMMAND_LINES = [
    "curl/8.5.0",
    "Wget/1.21.3",
    "HTTPie/3.2.2",
    "python-requests/2.32.3",
    "Go-http-client/1.1",
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1",
    "",
]
ANY = {"Accept": "*/*"}
TAG = re.compile(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)">')


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_previews_links_gets_the_page(client: FlaskClient, program: str) -> None:
    for path in ("/", "/s"):
        answer = client.get(path, headers=ANY | {"User-Agent": program})
        assert answer.mimetype == "text/html"
        tags = dict(TAG.findall(answer.text))
        assert tags["og:title"].startswith("Mayfly: ")
        assert tags["og:description"]
        assert tags["og:url"] == f"http://localhost{path}"
        assert "User-Agent" in answer.headers["Vary"]


@pytest.mark.parametrize("program", COMMAND_LINES)
def test_a_command_line_gets_text_that_says_what_to_type(client: FlaskClient, program: str) -> None:
    for path, line in (
        ("/", "curl -F file=@cat.jpg http://localhost"),
        ("/s", "curl -o image http://localhost/image/"),
    ):
        answer = client.get(path, headers=ANY | {"User-Agent": program})
        assert answer.mimetype == "text/plain"
        assert line in answer.text
        assert "<" not in answer.text


def test_the_picture_is_small_and_other_sites_may_show_it(make_app: MakeApp) -> None:
    client = make_app(base_url="https://drop.example.org/mayfly", trusted_hosts=("localhost",)).test_client()
    page = client.get("/s", headers={"Accept": "text/html"}).text
    tags = dict(TAG.findall(page))
    assert tags["og:url"] == "https://drop.example.org/mayfly/s"
    address = tags["og:image"]
    assert address.startswith("https://drop.example.org/mayfly/static/")
    answer = client.get(address.removeprefix("https://drop.example.org/mayfly"))
    assert answer.mimetype == "image/png"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "immutable" in answer.headers["Cache-Control"]
    assert len(answer.data) < 25_000
    with Image.open(FOLDER / PREVIEW) as picture:
        assert [str(side) for side in picture.size] == [tags["og:image:width"], tags["og:image:height"]]


@pytest.mark.parametrize("program", PROGRAMS[:6])
def test_a_preview_uses_up_no_view(client: FlaskClient, program: str) -> None:
    link = deposit(client, views=1)
    for path in (f"/s#{link}", f"/image/{link}", f"/image/{link}.png", f"/image/{link}/cat.jpg"):
        answer = client.get(path, headers=ANY | {"User-Agent": program})
        assert not str(answer.mimetype).startswith("image/")
        assert link not in answer.headers.get("Link", "")
    assert client.post(f"/image/{link}").status_code == 200


def test_the_foot_of_the_pages_leads_on(client: FlaskClient) -> None:
    drop = client.get("/", headers={"Accept": "text/html"}).text
    for path in ("/docs", "/sharex.sxcu", "/s"):
        assert f'href="{path}"' in drop
        assert client.get(path).status_code == 200
    assert "curl -F file=@cat.jpg http://localhost/upload</pre>" in drop
    for page in (drop, client.get("/s", headers={"Accept": "text/html"}).text):
        assert "What happens to an image" in page
        assert "Run by" not in page


@pytest.mark.parametrize(
    ("uploads", "shown"),
    [
        ("code", "-H 'Upload-Code: CODE' -F"),
        ("account", "-H 'Authorization: Bearer API_KEY' -F"),
        ("closed", None),
    ],
)
def test_the_line_at_the_foot_is_one_that_works(make_app: MakeApp, uploads: str, shown: str | None) -> None:
    codes = (("pond", "a-code-of-the-pond"),) if uploads == "code" else ()
    page = (
        make_app(uploads=uploads, upload_codes=codes)
        .test_client()
        .get("/", headers={"Accept": "text/html"})
        .text
    )
    foot = page.partition("<footer")[2].replace("&#39;", "'")
    assert shown in foot if shown else "curl" not in foot and "sharex" not in foot


def test_the_operator_s_name_and_words_are_on_every_page_as_text(make_app: MakeApp) -> None:
    name, words = "Pond & <b>Sons</b>", 'For "friends" <script>alert(1)</script> only'
    client = make_app(operator_name=name, operator_words=words).test_client()
    link = deposit(client)
    pages = [client.get(path, headers={"Accept": "text/html"}).text for path in ("/", "/s", "/nothing")]
    pages.append(client.post("/s", data={"link": link}, headers={"Accept": "text/html"}).text)
    for page in pages:
        assert "Run by: <bdi>Pond &amp; &lt;b&gt;Sons&lt;/b&gt;</bdi>" in page
        assert "For &#34;friends&#34; &lt;script&gt;alert(1)&lt;/script&gt; only</p>" in page
    assert 'og:site_name" content="Pond &amp; &lt;b&gt;Sons&lt;/b&gt;"' in pages[0]
