"""Coverage-guided fuzzing of the parsers: `python -m tests.imaging.fuzz.with_atheris -max_total_time=300`.

Needs `pip install atheris`; runs without Pillow's decoders, on the parsers alone.
"""

import sys

import atheris

with atheris.instrument_imports(include=["imaging"]):
    from imaging import ImagingError, Limits
    from tests.imaging.walks import read, recognise

from tests.imaging.samples import samples

LIMITS = Limits(max_pixels=4_000_000)


def one(data: bytes) -> None:
    """Recognise and clean; anything but a refusal of our own is a finding."""
    try:
        picture, cleaned = read(data, LIMITS)
    except ImagingError:
        return
    if len(cleaned) > len(data) or recognise(cleaned, LIMITS) != picture:
        raise AssertionError("cleaning made another picture of it")


def main() -> None:
    """Fuzz, from the small real pictures on, held in memory."""
    for data in samples().values():
        one(data)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
