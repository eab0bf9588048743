"""File names: whatever arrives, an image is stored, and the name it keeps harms nobody who saves it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.names import JOINERS, LONGEST_BYTES, RESERVED, converted_name, kept_name

PNG, JPEG = "image/png", "image/jpeg"
TYPES = {
    PNG: ("png",),
    JPEG: ("jpg", "jpeg", "jpe", "jfif"),
    "image/webp": ("webp",),
    "image/avif": ("avif",),
}


@pytest.mark.parametrize(
    ("given", "media_type", "kept"),
    [
        ("cat.png", PNG, "cat.png"),
        ("CAT.PNG", PNG, "CAT.PNG"),
        ("cat.jpg", JPEG, "cat.jpg"),
        ("cat.JPEG", JPEG, "cat.JPEG"),
        ("cat.jfif", JPEG, "cat.jfif"),
        ("Bildschirmfoto „neu“ 🌸.png", PNG, "Bildschirmfoto „neu“ 🌸.png"),
        ("Screenshot at 3.45.12\u202fPM.png", PNG, "Screenshot at 3.45.12\u202fPM.png"),
        # Nothing, or nothing that is left
        (None, PNG, "image.png"),
        ("", JPEG, "image.jpg"),
        (".", PNG, "image.png"),
        ("..", PNG, "image.png"),
        ("../..", PNG, "image.png"),
        ("/", PNG, "image.png"),
        ("\0", PNG, "image.png"),
        (".png", PNG, "image.png"),
        (" . . ", PNG, "image.png"),
        # Of a path the last part
        ("../../etc/cat.png", PNG, "cat.png"),
        ("C:\\Users\\Alice\\cat.png", PNG, "cat.png"),
        ("\\\\server\\share/mixed\\cat.png", PNG, "cat.png"),
        ("/folder/cat.png/", PNG, "cat.png"),
        # What controls, turns the direction, or shows nothing
        ("cat\0.png", PNG, "cat.png"),
        ("cat\r\nSet-Cookie: a=b.png", PNG, "catSet-Cookie: a=b.png"),
        ("\x1b[2Jcat\x7f\x85.png", PNG, "[2Jcat.png"),
        ("gnp.\u202eexe.png", PNG, "gnp.exe.png"),
        ("cat\u200e\u200f\u061c\u2066\u2069.png", PNG, "cat.png"),
        ("cat\u2028.png\ufeff", PNG, "cat.png"),
        ("👩\u200d💻.png", PNG, "👩\u200d💻.png"),
        ("cat\ud800.png", PNG, "cat.png"),
        # Another kind's ending
        ("evil.html", PNG, "evil.html.png"),
        ("evil.html. .", PNG, "evil.html.png"),
        ("evil.png.exe", PNG, "evil.png.exe.png"),
        ("cat.png", JPEG, "cat.png.jpg"),
        ("cat.jpg", "image/webp", "cat.jpg.webp"),
        ("phptmpfile", PNG, "phptmpfile"),
        ("png", PNG, "png"),
        ("evil.", PNG, "evil"),
        (".curlrc", PNG, "curlrc.png"),
        ("...bashrc", JPEG, "bashrc.jpg"),
        (" .cat.png", PNG, "cat.png"),
        ("cat .png", PNG, "cat.png"),
        # Names of devices
        ("con.png", PNG, "_con.png"),
        ("NUL", PNG, "_NUL"),
        ("aux .tar.png", PNG, "_aux .tar.png"),
        ("COM1.jpg", JPEG, "_COM1.jpg"),
        ("lpt¹.png", PNG, "_lpt¹.png"),
        ("ＣＯＮ.png", PNG, "_ＣＯＮ.png"),
        ("console.png", PNG, "console.png"),
        # Bytes that are no UTF-8, as surrogateescape writes them
        ("K\udce4tzchen \udc80.png", PNG, "Kätzchen €.png"),
        ("Kätz\udcc3.png", PNG, "Kätz\ufffd.png"),
        # Encoded words
        ("=?UTF-8?Q?K=C3=A4tzchen.png?=", PNG, "Kätzchen.png"),
        ("=?iso-8859-1?B?S+R0emNoZW4ucG5n?=", PNG, "Kätzchen.png"),
        ("=?UTF-8?B?Li4vLi4vLmN1cmxyYw==?=", PNG, "curlrc.png"),
        ("=?nonsense?Q?cat.png?=", PNG, "=?nonsense?Q?cat.png?=.png"),
        ("=?UTF-8?B?A?=.png", PNG, "=?UTF-8?B?A?=.png"),
        # Long ones are cut before the ending, between two characters
        ("a" * 251 + ".png", PNG, "a" * 251 + ".png"),
        ("a" * 252 + ".png", PNG, "a" * 251 + ".png"),
        ("a" * 10**7 + ".jpeg", JPEG, "a" * 250 + ".jpeg"),
        ("🐈" * 70 + ".png", PNG, "🐈" * 62 + ".png"),
        ("a" * 300 + ".html", PNG, "a" * 251 + ".png"),
        ("a" * 300, PNG, "a" * 255),
    ],
)
def test_a_name_is_made_harmless(given: str | None, media_type: str, kept: str) -> None:
    assert kept_name(given, media_type) == kept


@pytest.mark.parametrize(
    ("name", "media_type", "converted"),
    [
        ("cat.png", "image/webp", "cat.webp"),
        ("evil.html.png", JPEG, "evil.html.jpg"),
        ("a" * 251 + ".png", "image/webp", "a" * 250 + ".webp"),
        ("cat", PNG, "cat.png"),  # as it was kept before names had endings
    ],
)
def test_a_conversion_changes_the_ending(name: str, media_type: str, converted: str) -> None:
    assert converted_name(name, media_type) == converted


SPECIAL = (
    st.sampled_from("./\\ \0\n\x85\u200d\u202e\u2066\ud800\udc80\udcff\ufeff\ufffe=?：․…Ａ🐈a1")
    | st.characters()
)
WRITTEN = st.lists(SPECIAL | st.sampled_from(["con", "png", ".jpg", "=?utf-8?q?", "?=", "x" * 200])).map(
    "".join
)


@given(WRITTEN, st.sampled_from(sorted(TYPES)))
def test_whatever_is_given_the_kept_name_is_plain(text: str, media_type: str) -> None:
    name = kept_name(text, media_type)
    stem, dot, ending = name.rpartition(".")
    assert ending
    assert not dot or (stem and ending.lower() in TYPES[media_type])
    assert name == name.strip(" ." + JOINERS)
    assert stem == stem.strip(" ." + JOINERS)
    assert len(name.encode()) <= LONGEST_BYTES
    assert not re.search(
        r"[/\\\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]", name
    )
    assert not RESERVED.match(name)
    assert len(converted_name(name, "image/webp").encode()) <= LONGEST_BYTES
