"""exiftool as the judge of what is left in a picture that tells of somebody."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

COMMAND = ("exiftool", "-json", "-G1", "-a", "-u", "-ee")
# What exiftool may still say: how a file is built and how it is shown, never who made it, when or where.
BUILT = re.compile(
    r"""SourceFile|(System|Composite|JFIF|Adobe|PNG-pHYs|PNG-cICP|Meta):\w+|ICC[-_]\w+:(?!MakeAndModel|NativeDisplay|VideoCardGamma|ProfileDescriptionML)[\w-]+
    |ExifTool:(ExifToolVersion|Warning)|IFD0:Orientation
    |File:(FileType|FileTypeExtension|MIMEType|ExifByteOrder|EncodingProcess|BitsPerSample|ColorComponents
        |YCbCrSubSampling|ImageWidth|ImageHeight)
    |PNG:(ImageWidth|ImageHeight|BitDepth|ColorType|Compression|Filter|Interlace|Palette|Transparency|Gamma
        |BackgroundColor|SRGBRendering|SignificantBits|AnimationFrames|AnimationPlays|WhitePoint[XY]|(Red|Green|Blue)[XY]|ProfileName)
    |GIF:(AnimationIterations|BackgroundColor|BitsPerPixel|ColorResolutionDepth|Duration|FrameCount|GIFVersion
        |HasColorMap|ImageWidth|PixelAspectRatio|ImageHeight|TransparentColor)
    |RIFF:(AnimationLoopCount|BackgroundColor|Duration|(Horizontal|Vertical)Scale|ImageWidth|ImageHeight
        |VP8Version|WebP_Flags|AlphaFiltering|AlphaPreprocessing|AlphaCompression|AlphaIsUsed)
    |(QuickTime|Track\d):(?!.*(Author|Comment|Copyright|GPS|Location|Make|Model|Software|Title))\w+""",
    re.VERBOSE,
)
UNDATED = "0000:00:00 00:00:00"


def exiftool(data: bytes) -> dict[str, Any]:
    """Return all that exiftool finds; without exiftool there is no proof, so this fails."""
    done = subprocess.run([*COMMAND, "-"], input=data, capture_output=True, check=True)
    (found,) = json.loads(done.stdout)
    return dict(found)


def personal(found: dict[str, Any]) -> dict[str, Any]:
    """Return what is not structure, and every date but the empty one."""
    file = {tag: value for tag, value in found.items() if not tag.startswith(("System:", "ICC"))}
    dated = {tag: value for tag, value in file.items() if "Date" in tag and value != UNDATED}
    return dated | {tag: value for tag, value in found.items() if not BUILT.fullmatch(tag)}


def left_personal(folder: Path, seconds: float) -> dict[str, dict[str, Any]]:
    """Return what is personal in the files of a folder, by their names."""
    if not any(folder.iterdir()):
        return {}
    done = subprocess.run(
        [*COMMAND, "-q", "-ext", "*", str(folder)], capture_output=True, timeout=seconds, check=False
    )
    found = {Path(told["SourceFile"]).name: personal(told) for told in json.loads(done.stdout)}
    return {name: tags for name, tags in found.items() if tags}
