"""Every file of a folder: accepted, refused with cause, other pixels, left personal. `make corpus FOLDER=…`.

Ends with 1 where a file that Pillow and Chromium show whole is refused, where a picture differs from what was sent,
or where exiftool finds something personal in what is kept.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.imaging.personal import left_personal
from tests.imaging.real.chromium import shown_by_chromium
from tests.imaging.real.runner import Runner
from tests.imaging.real.trial import Found

Findings = dict[Path, Found]
MOST_SECONDS = 1_200
"""How long exiftool may read what is kept."""


def main(folder: Path) -> int:
    """Judge the folder and print what was found; return 1 where something has to be mended."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    with tempfile.TemporaryDirectory() as temporary, Runner(Path(temporary)) as runner:
        findings = {path: runner.judge(path, str(number)) for number, path in enumerate(paths)}
        names = {str(number): path for number, path in enumerate(paths)}
        personal = {names[name]: tags for name, tags in left_personal(Path(temporary), MOST_SECONDS).items()}
    shown = shown_by_chromium(path for path, found in findings.items() if _doubted(found))
    bad = [
        *problems(findings, shown),
        *(f"personal {path}: {json.dumps(tags)}" for path, tags in personal.items()),
    ]
    for line in [*_table(findings), *_refusals(findings, shown), *bad]:
        _say(line)
    _say(f"\n{len(bad)} files to mend")
    return min(1, len(bad))


def _table(findings: Findings) -> Iterator[str]:
    counts = Counter((found.verdict, found.media_type) for found in findings.values())
    for (verdict, media_type), times in counts.most_common():
        yield f"{times:6} {verdict} {media_type}"


def _refusals(findings: Findings, shown: set[Path]) -> Iterator[str]:
    for path, found in findings.items():
        if _doubted(found):
            judges = ["Pillow"] * found.pillow + ["Chromium"] * (path in shown)
            yield f"{found.verdict} {path}: {found.cause} Opens in: {', '.join(judges) or 'neither'}."


def _doubted(found: Found) -> bool:
    """Say whether somebody may show a file that was not taken; text is no image to Pillow, either."""
    return found.verdict not in ("accepted", "no image", "lost") or (
        found.verdict == "no image" and found.pillow
    )


def problems(findings: Findings, shown: set[Path]) -> Iterator[str]:
    for path, found in findings.items():
        if path in shown and found.pillow and found.verdict != "over the limits":
            yield f"refused and shown by both {path}: {found.cause}"
        elif found.differs:
            yield f"differs {path}: {found.differs}"
        elif found.verdict == "lost":
            yield f"lost {path}: {found.cause}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
