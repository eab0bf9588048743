import warnings

import pytest

from tests.imaging.corpus import corpus
from tests.imaging.fuzz.sound_or_refused import judge

COUNT = 240


@pytest.fixture(autouse=True)
def _pillow_may_warn() -> None:
    """Pillow warns of much that is odd in a file; only ours must not."""
    warnings.simplefilter("ignore")


@pytest.mark.parametrize("start", range(4))
def test_a_hostile_file_is_refused_or_opens(start: int) -> None:
    verdicts = [judge(data) for _, data in list(corpus(COUNT))[start::4]]
    accepted = verdicts.count("accepted and opens")
    assert COUNT // 20 < accepted < COUNT // 8
    assert len(verdicts) == COUNT // 4


def test_the_corpus_is_the_same_for_the_same_seed() -> None:
    assert list(corpus(40, 1)) == list(corpus(40, 1))
    assert list(corpus(40, 1)) != list(corpus(40, 2))
