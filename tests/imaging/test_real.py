"""The judge of real files: it says what becomes of them, and notices what would have to be mended."""

import subprocess
import sys
from pathlib import Path

from tests.imaging.personal import left_personal
from tests.imaging.real.__main__ import problems
from tests.imaging.real.runner import Runner
from tests.imaging.real.trial import Found, differences
from tests.imaging.samples import SECRET, exif, picture, save
from tests.imaging.walks import recognise
from tests.processes import ROOT

FIELD = Path(__file__).parent / "field"


def test_a_folder_is_judged(tmp_path: Path) -> None:
    for name in ("gif-animated-no-trailer.gif", "png-no-iend.png"):
        (tmp_path / name).write_bytes((FIELD / name).read_bytes())
    (tmp_path / "photo.jpg").write_bytes(save(picture(), "JPEG", exif=exif()))
    (tmp_path / "cut.jpg").write_bytes(save(picture(), "JPEG")[:-400])
    (tmp_path / "notes.txt").write_text("no image")
    command = (sys.executable, "-m", "tests.imaging.real", str(tmp_path))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "1 accepted image/gif",
        "1 accepted image/png",
        "1 accepted image/jpeg",
        "1 no image",
        "1 refused",
    ):
        assert f" {line}" in done.stdout
    assert "cut.jpg: The image is broken" in done.stdout
    assert done.stdout.endswith("0 files to mend\n")


def test_a_file_that_ends_its_process_is_lost_and_the_next_is_judged(tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    image.write_bytes(save(picture(), "PNG"))
    with Runner(tmp_path) as runner:
        assert runner.judge(tmp_path / "nothing.png", "1").verdict == "lost"
        assert runner.judge(image, "2").verdict == "accepted"
    assert (tmp_path / "2").read_bytes() == image.read_bytes()


def test_what_would_have_to_be_mended_is_noticed() -> None:
    path = Path("a")
    assert [*problems({path: Found("refused", pillow=True)}, {path})]
    assert [*problems({path: Found("no image", pillow=True)}, {path})]
    assert [*problems({path: Found("accepted", differs="pixels")}, set())]
    assert [*problems({path: Found("lost")}, set())]
    assert not [*problems({path: Found("over the limits", pillow=True)}, {path})]
    assert not [*problems({path: Found("refused", pillow=True)}, set())]


def test_other_pixels_and_what_is_personal_are_noticed(tmp_path: Path) -> None:
    one, other = save(picture(), "PNG"), save(picture().rotate(180), "PNG")
    assert differences(one, other, recognise(one)) == "pixels"
    assert differences(one, one, recognise(one)) == ""
    assert differences(one, b"", recognise(one)) == "opens no more in Pillow"
    (tmp_path / "1").write_bytes(save(picture(), "JPEG", exif=exif()))
    (tmp_path / "2").write_bytes(one)
    (found,) = left_personal(tmp_path, 60).items()
    assert found[0] == "1"
    assert SECRET in str(found[1])
