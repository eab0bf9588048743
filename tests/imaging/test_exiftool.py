import json

import pytest

from tests.imaging.personal import exiftool, personal
from tests.imaging.samples import SECRET, samples
from tests.imaging.walks import clean


@pytest.mark.parametrize("name", samples())
def test_exiftool_finds_nothing_personal(name: str) -> None:
    assert personal(exiftool(bytes(clean(samples()[name])))) == {}


def test_what_a_newer_exiftool_tells_of_a_webp_is_how_it_is_built() -> None:
    assert personal({"RIFF:AlphaIsUsed": "No", "RIFF:VP8Version": "0"}) == {}


def test_exiftool_would_have_found_it() -> None:
    for name, data in samples().items():
        if SECRET.encode() in data and name != "trailing.jpg":
            assert SECRET in json.dumps(exiftool(data)), name
