"""What becomes of one file, in a process whose memory is bounded: paths come in, findings go out, a line each."""

from __future__ import annotations

import hashlib
import io
import json
import resource
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, ImageSequence

from imaging import Data, ImagingError, NotAnImage, Picture, TooManyPixels, examine

MEMORY = 6 << 30
OURS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
STILL = ("MPO", "JPEG")
"""Of several pictures in a JPEG a viewer shows the first."""
NOT_IN_BROWSERS = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif")
"""Where Pillow finds an orientation, too, and no browser looks for one."""


@dataclass
class Found:
    """What became of a file; `pillow` says whether Pillow shows all of it, `differs` what is other than before."""

    verdict: str
    cause: str = ""
    pillow: bool = False
    differs: str = ""
    media_type: str = ""


def main(kept: Path) -> None:
    """Judge each file named on the input; what stays of it goes into the folder `kept`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        path, name = json.loads(line)
        found, stays = judge(Path(path).read_bytes())
        if stays is not None:
            (kept / name).write_bytes(stays)
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
        sys.stdout.flush()


def judge(data: bytes) -> tuple[Found, Data | None]:
    """Say what becomes of an upload of these bytes, and what of them stays."""
    try:
        picture, stays = examine(data, patience=60)
    except NotAnImage as refusal:
        return Found("no image", str(refusal), pillow=bool(_shown(data))), None
    except ImagingError as refusal:
        verdict = (
            "over the limits" if isinstance(refusal, TooManyPixels) and any(refusal.canvas) else "refused"
        )
        return Found(verdict, str(refusal), pillow=bool(_shown(data))), None
    return Found("accepted", "", True, differences(data, stays, picture), picture.media_type), stays


def differences(data: bytes, stays: Data, picture: Picture) -> str:
    if stays is data:
        return ""
    before, after = _shown(data, picture), _shown(bytes(stays), picture)
    if before is None:
        return "" if after else "does not open in Pillow, before or after"
    if after is None:
        return "opens no more in Pillow"
    return ", ".join(name for name, value in before.items() if value != after[name])


def _shown(data: bytes, picture: Picture | None = None) -> dict[str, Any] | None:
    """Return what Pillow shows: pixels of every frame, durations, loop and profile; None where it does not open."""
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(data), formats=[*OURS, "MPO"]) as image:
            told = {"loop": image.info.get("loop"), "profile": _profile(image)}
            turns = "exif" in image.info and image.format != "WEBP"
            pixels, times = [], []
            for frame in ImageSequence.Iterator(image):
                pixels.append(_fingerprint(frame, turns))
                times.append(frame.info.get("duration"))
                if image.format in STILL or (picture and picture.frames == len(pixels)):
                    break
    except Exception:
        return None
    still = len(pixels) == 1
    return {"pixels": pixels, "durations": [] if still else times} | (
        {"profile": told["profile"]} if still else told
    )


def _profile(image: Image.Image) -> str:
    """Return the colour space and the size of a profile, which cleaning keeps; its tags of a display go.

    A profile that is shorter than it tells is none to a browser.
    """
    profile = image.info.get("icc_profile") or b""
    if not profile or int.from_bytes(profile[:4], "big") > len(profile):
        return ""
    return f"{profile[12:24]!r} {len(profile)}"


def _fingerprint(frame: Image.Image, turns: bool) -> str:
    for name in NOT_IN_BROWSERS:
        frame.info.pop(name, None)
    shown = ImageOps.exif_transpose(frame) if turns else frame
    mark = hashlib.sha256(repr(shown.size).encode())
    mark.update(shown.convert("RGBA").tobytes())
    return mark.hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
