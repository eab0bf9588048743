import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imaging import BrokenImage, TooBusy, TooManyPixels
from imaging.helpers import MOST_KEPT, Helper, Helpers
from tests.imaging.samples import read, save

SMALL = ("PNG", "WEBP", 128, 128, 1, 1 << 20)
ROOM = 256 << 20


@pytest.fixture
def helpers() -> Iterator[Helpers]:
    pool = Helpers(most=2, patience=20)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def slow() -> tuple[tuple[object, ...], bytes]:
    """Return a job that takes a second or more: few bytes, many pixels, all of them to be written again."""
    data = save(Image.effect_noise((1000, 1000), 60).resize((4000, 4000)), "PNG", compress_level=1)
    return ("PNG", "WEBP", 4000, 4000, 1, 1 << 30), data


def limits_of(pid: int) -> dict[str, str]:
    """Return soft and hard limit by name."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): " ".join(line[26:].split()[:2]) for line in lines}


def test_a_job_is_done_and_the_helper_kept(helpers: Helpers) -> None:
    for _ in range(3):
        assert helpers.run(SMALL, read("hopper.png"), 5, ROOM)[8:12] == b"WEBP"
    assert helpers._idle[0].jobs == 3


def test_a_job_over_its_time_is_killed_and_the_next_is_done(
    helpers: Helpers, slow: tuple[object, bytes]
) -> None:
    job, data = slow
    started = time.monotonic()
    with pytest.raises(TooManyPixels, match="time"):
        helpers.run(job, data, 0.2, 4 << 30)  # type: ignore[arg-type]
    assert time.monotonic() - started < 1
    assert helpers.run(SMALL, read("hopper.png"), 5, ROOM)


def test_a_job_over_its_memory_is_refused_and_the_next_is_done(
    helpers: Helpers, slow: tuple[object, bytes]
) -> None:
    job, data = slow
    with pytest.raises((TooManyPixels, BrokenImage)):
        helpers.run(job, data, 10, 32 << 20)  # type: ignore[arg-type]
    assert helpers.run(SMALL, read("hopper.png"), 5, ROOM)


def test_a_helper_that_dies_at_work_is_replaced(helpers: Helpers, slow: tuple[object, bytes]) -> None:
    helpers.run(SMALL, read("hopper.png"), 5, ROOM)
    threading.Timer(0.1, os.kill, (helpers._idle[0].process.pid, signal.SIGSEGV)).start()
    with pytest.raises(TooManyPixels):
        helpers.run(slow[0], slow[1], 10, 4 << 30)  # type: ignore[arg-type]
    assert helpers.run(SMALL, read("hopper.png"), 5, ROOM)


def test_a_helper_that_died_idle_is_replaced(helpers: Helpers) -> None:
    helpers.run(SMALL, read("hopper.png"), 5, ROOM)
    helpers._idle[0].process.kill()
    helpers._idle[0].process.wait()
    assert helpers.run(SMALL, read("hopper.png"), 5, ROOM)


def test_a_helper_that_met_a_broken_file_meets_nobody_elses(helpers: Helpers) -> None:
    with pytest.raises(BrokenImage):
        helpers.run(SMALL, b"not a picture", 5, ROOM)
    assert not helpers._idle


def test_a_helper_can_open_nothing_and_knows_no_secret(helpers: Helpers) -> None:
    helpers.run(SMALL, read("hopper.png"), 5, ROOM)
    pid = helpers._idle[0].process.pid
    limits = limits_of(pid)
    assert limits["Max open files"] == "0 0"
    assert limits["Max file size"] == "0 0"
    assert limits["Max core file size"] == "0 0"
    assert limits["Max processes"] == "0 0"
    assert 0 < int(limits["Max address space"].split()[0]) < 1 << 30
    assert int(limits["Max cpu time"].split()[0]) <= 8
    if os.geteuid() == 0:  # nobody else may look
        assert Path(f"/proc/{pid}/environ").read_bytes() == b""


def test_a_helper_ends_with_its_parent() -> None:
    helper = Helper()
    assert helper.process.stdin
    helper.process.stdin.close()
    assert helper.process.wait(5) == 0
    helper.end()


def test_threads_share_a_bounded_number_of_helpers(helpers: Helpers) -> None:
    done: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: done.append(helpers.run(SMALL, read("hopper.png"), 5, ROOM)))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 12
    assert len(set(done)) == 1
    assert len(helpers._idle) <= 2


def test_who_waits_too_long_is_told_so(slow: tuple[object, bytes]) -> None:
    pool = Helpers(most=1, patience=0.05)
    busy = threading.Thread(target=lambda: pool.run(slow[0], slow[1], 20, 4 << 30))  # type: ignore[arg-type]
    busy.start()
    time.sleep(0.3)
    with pytest.raises(TooBusy, match="try again"):
        pool.run(SMALL, read("hopper.png"), 5, ROOM)
    busy.join()
    pool.close()


def test_nothing_of_a_job_stays_in_the_helpers_memory_map(
    helpers: Helpers, slow: tuple[object, bytes]
) -> None:
    helpers.run(slow[0], slow[1], 20, 4 << 30)  # type: ignore[arg-type]
    status = Path(f"/proc/{helpers._idle[0].process.pid}/status").read_text()
    resident = re.search(r"VmRSS:\s+(\d+)", status)
    assert resident
    assert int(resident[1]) < 200_000


def test_a_helper_that_keeps_too_much_memory_is_replaced(helpers: Helpers) -> None:
    helpers.run(SMALL, read("hopper.png"), 5, ROOM)
    (kept,) = helpers._idle
    kept.mapped_at_start -= MOST_KEPT  # as if it had kept so much more
    helpers.run(SMALL, read("hopper.png"), 5, ROOM)
    assert helpers._idle != [kept]
