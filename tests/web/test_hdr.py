"""An HDR photo in JPEG: its second picture, the gain map, goes, and the receipt tells so."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.cast import FLOWER

SAID = {
    "ISO 21496-1": b"\xff\xe2\x00\x22urn:iso:std:iso:ts:21496:-1\0\0\0\0\0",
    "Ultra HDR": b'\xff\xe1\x00\x60http://ns.adobe.com/xap/1.0/\0<x hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>',
    "Apple": b"\xff\xe1\x00\x60http://ns.adobe.com/xap/1.0/\0<a>urn:com:apple:photo:2020:aux:hdrgainmap</a>",
}


@pytest.mark.parametrize("name", SAID)
def test_the_receipt_tells_that_a_gain_map_went(client: FlaskClient, name: str) -> None:
    photo = FLOWER + b"\xff\xd8" + SAID[name] + FLOWER[2:]
    told = client.post("/upload", data=photo).get_json()
    assert told["dropped"] == ["gain_map"]
    assert client.get(f"/image/{told['hash']}").data == FLOWER
    whole = client.post("/upload", data=photo, query_string={"keep_metadata": "1"}).get_json()
    assert (whole["dropped"], client.get(f"/image/{whole['hash']}").data) == ([], photo)
    assert client.post("/upload", data=FLOWER).get_json()["dropped"] == []


def test_a_photo_that_is_mended_on_the_way_in_tells_it_as_well(client: FlaskClient) -> None:
    """Stray bytes stand before a segment, so that a sandbox writes the first picture anew."""
    second = b"\xff\xd8" + SAID["Apple"] + FLOWER[2:]
    at = 4 + int.from_bytes(FLOWER[4:6], "big")
    photo = FLOWER[:at] + b"stray" + FLOWER[at:] + second
    told = client.post("/upload", data=photo).get_json()
    assert (told["dropped"], client.get(f"/image/{told['hash']}").data) == (["gain_map"], FLOWER)
    whole = client.post("/upload", data=photo, query_string={"keep_metadata": "1"}).get_json()
    assert (whole["dropped"], client.get(f"/image/{whole['hash']}").data) == ([], FLOWER + second)


def test_the_page_tells_it_too(client: FlaskClient) -> None:
    photo = FLOWER + b"\xff\xd8" + SAID["Apple"] + FLOWER[2:]
    hidden = {}
    for name, data in (("HDR", photo), ("plain", FLOWER)):
        page = client.post("/upload", data=data, headers={"Accept": "text/html"}).get_data(as_text=True)
        line = next(line for line in page.splitlines() if "hdr" in line)
        hidden[name] = "hidden" in line
    assert hidden == {"HDR": False, "plain": True}
