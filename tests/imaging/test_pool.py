import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from imaging import BrokenImage, Limits, TooBusy, TooManyPixels, sandbox_deaths
from imaging.errors import CUT
from imaging.sandbox import pool
from imaging.sandbox.pool import MOST_KEPT, Sandbox, SandboxPool, Task
from imaging.sandbox.protocol import ANSWER, BROKEN, DONE, READY, SAME, TOO_MANY, Convert, Examine
from tests.imaging.samples import read, samples, save

ROOM = 256 << 20
SMALL = Task(Convert("image/png", "WEBP", 128, 128, 1, 1 << 20), read("hopper.png"), 5, ROOM, 1 << 20)
LIMITS = Limits()
PATIENCE = 20.0


@pytest.fixture
def sandboxes() -> Iterator[SandboxPool]:
    made = SandboxPool(most=2)
    yield made
    made.close()


def run(sandboxes: SandboxPool, task: Task, patience: float = PATIENCE) -> bytes:
    return bytes(sandboxes.run(task, LIMITS, patience).body)


@pytest.fixture(scope="module")
def slow() -> Task:
    """Return a task that takes a second or more: few bytes, many pixels, all of them to be written again."""
    data = save(Image.effect_noise((1000, 1000), 60).resize((4000, 4000)), "PNG", compress_level=1)
    return Task(Convert("image/png", "WEBP", 4000, 4000, 1, 1 << 30), data, 20, 4 << 30, 1 << 30)


def limits_of(pid: int) -> dict[str, str]:
    """Return soft and hard limit by name."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): " ".join(line[26:].split()[:2]) for line in lines}


def test_a_job_is_done_and_the_sandbox_kept(sandboxes: SandboxPool) -> None:
    for _ in range(3):
        assert run(sandboxes, SMALL)[8:12] == b"WEBP"
    assert sandboxes._idle[0].jobs == 3


def test_a_job_over_its_time_is_killed_and_the_next_is_done(sandboxes: SandboxPool, slow: Task) -> None:
    started = time.monotonic()
    with pytest.raises(TooManyPixels, match="time"):
        run(sandboxes, replace(slow, seconds=0.2))
    assert time.monotonic() - started < 10, "generous: other programs may have the processor"
    assert run(sandboxes, SMALL)


def test_a_job_over_its_memory_is_refused_and_the_next_is_done(sandboxes: SandboxPool, slow: Task) -> None:
    with pytest.raises((TooManyPixels, BrokenImage)):
        run(sandboxes, replace(slow, memory=32 << 20))
    assert run(sandboxes, SMALL)


def test_a_sandbox_that_dies_at_work_is_replaced(sandboxes: SandboxPool, slow: Task) -> None:
    run(sandboxes, SMALL)
    before = sandbox_deaths()
    threading.Timer(0.1, os.kill, (sandboxes._idle[0].process.pid, signal.SIGSEGV)).start()
    with pytest.raises(TooManyPixels):
        run(sandboxes, slow)
    assert run(sandboxes, SMALL)
    assert sandbox_deaths() == before + 1


def test_a_sandbox_that_died_idle_is_replaced(sandboxes: SandboxPool) -> None:
    run(sandboxes, SMALL)
    before = sandbox_deaths()
    sandboxes._idle[0].process.kill()
    sandboxes._idle[0].process.wait()
    assert run(sandboxes, SMALL)
    assert sandbox_deaths() == before


def test_a_sandbox_that_met_a_broken_file_meets_nobody_elses(sandboxes: SandboxPool) -> None:
    with pytest.raises(BrokenImage):
        run(sandboxes, replace(SMALL, data=b"not a picture"))
    assert not sandboxes._idle


def test_a_sandbox_can_open_nothing_and_knows_no_secret(sandboxes: SandboxPool) -> None:
    run(sandboxes, SMALL)
    pid = sandboxes._idle[0].process.pid
    limits = limits_of(pid)
    assert limits["Max open files"] == "0 0"
    assert limits["Max file size"] == "0 0"
    assert limits["Max core file size"] == "0 0"
    assert limits["Max processes"] == "0 0"
    assert 0 < int(limits["Max address space"].split()[0]) < 1 << 30
    assert int(limits["Max cpu time"].split()[0]) <= 8
    if os.geteuid() == 0:  # nobody else may look
        assert Path(f"/proc/{pid}/environ").read_bytes() == b""


def test_a_sandbox_ends_with_its_parent() -> None:
    sandbox = Sandbox()
    assert sandbox.process.stdin
    sandbox.process.stdin.close()
    assert sandbox.process.wait(5) == 0
    sandbox.end()


def test_threads_share_a_bounded_number_of_sandboxes(sandboxes: SandboxPool) -> None:
    done: list[bytes] = []
    threads = [threading.Thread(target=lambda: done.append(run(sandboxes, SMALL))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 12
    assert len(set(done)) == 1
    assert len(sandboxes._idle) <= 2


def test_who_waits_too_long_is_told_so(slow: Task) -> None:
    one = SandboxPool(most=1)
    busy = threading.Thread(target=lambda: run(one, slow))
    busy.start()
    time.sleep(0.3)
    with pytest.raises(TooBusy, match="try again"):
        run(one, SMALL, patience=0.05)
    busy.join()
    one.close()


def test_nothing_of_a_job_stays_in_a_sandboxs_memory_map(sandboxes: SandboxPool, slow: Task) -> None:
    run(sandboxes, slow)
    status = Path(f"/proc/{sandboxes._idle[0].process.pid}/status").read_text()
    resident = re.search(r"VmRSS:\s+(\d+)", status)
    assert resident
    assert int(resident[1]) < 200_000


def test_a_sandbox_that_keeps_too_much_memory_is_replaced(sandboxes: SandboxPool) -> None:
    run(sandboxes, SMALL)
    (kept,) = sandboxes._idle
    kept.mapped_at_start -= MOST_KEPT  # as if it had kept so much more
    run(sandboxes, SMALL)
    assert sandboxes._idle != [kept]


def examining(name: str) -> Task:
    data, media_type = samples()[name], f"image/{name.rsplit('.', 1)[1]}"
    return Task(Examine(media_type, False, 1 << 20, 100, 1 << 30), data, 5, ROOM, len(data))


def test_what_is_clean_does_not_come_back_over_the_pipe(sandboxes: SandboxPool) -> None:
    task = examining("animated.gif")
    cleaned = sandboxes.run(task, LIMITS, PATIENCE).body
    again = replace(task, data=cleaned)
    assert len(cleaned) < len(task.data)
    assert sandboxes.run(again, LIMITS, PATIENCE).body is cleaned


def test_conversions_give_way_to_all_else() -> None:
    nice = Sandbox(nice=10)
    niceness = int(Path(f"/proc/{nice.process.pid}/stat").read_text().rpartition(")")[2].split()[16])
    nice.end()
    assert niceness - os.getpriority(os.PRIO_PROCESS, 0) == 10


def test_the_size_of_a_result_is_told_before_it_is_read(sandboxes: SandboxPool) -> None:
    told: list[int] = []
    done = run(sandboxes, replace(SMALL, before_reading=told.append))
    assert told == [len(done)]


def test_a_result_that_nobody_has_room_for_ends_its_sandbox(sandboxes: SandboxPool) -> None:
    def refuse(size: int) -> None:
        raise InterruptedError(size)

    run(sandboxes, SMALL)
    process = sandboxes._idle[0].process
    with pytest.raises(InterruptedError):
        run(sandboxes, replace(SMALL, before_reading=refuse))
    assert (sandboxes._idle, process.poll()) == ([], -signal.SIGKILL)
    assert run(sandboxes, SMALL)


def claims(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> SandboxPool:
    """Return a pool whose sandboxes were taken over: they answer every job the same."""
    hostile = f"""
import sys
from imaging.sandbox.protocol import REQUEST
out, source = sys.stdout.buffer, sys.stdin.buffer
out.write({READY.pack(64 << 20)!r}); out.flush()
while head := source.read(REQUEST.size):
    about, size, *_ = REQUEST.unpack(head)
    source.read(about + size)
    out.write({answer!r}); out.flush()
"""
    monkeypatch.setattr(pool, "COMMAND", (sys.executable, "-c", hostile))
    return SandboxPool(most=1)


LIES = {
    "bytes without end": (ANSWER.pack(DONE, 96, 64, 4, False, (1 << 64) - 1), TooManyPixels),
    "a byte more than was sent": (
        ANSWER.pack(DONE, 96, 64, 4, False, 1 + len(samples()["animated.gif"])),
        TooManyPixels,
    ),
    "a refusal with bytes": (ANSWER.pack(BROKEN, 0, 0, 0, False, 1 << 40), TooManyPixels),
    "a sentence that is none": (ANSWER.pack(BROKEN, 77, 0, 0, False, 0), TooManyPixels),
    "a kind that is none": (ANSWER.pack(b"?", 96, 64, 4, False, 0), TooManyPixels),
    "a refusal of what is allowed": (ANSWER.pack(TOO_MANY, 1, 1, 1, False, 0), TooManyPixels),
    "a sentence": (ANSWER.pack(BROKEN, 0, 0, 0, False, 0), BrokenImage),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_of_a_sandbox_is_a_refusal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, refusal = LIES[name]
    hostile = claims(monkeypatch, answer)
    with pytest.raises(refusal):
        hostile.run(examining("animated.gif"), LIMITS, PATIENCE)
    assert not hostile._idle


def test_a_sandbox_that_converts_cannot_hand_back_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = claims(monkeypatch, ANSWER.pack(SAME, 0, 0, 0, False, 0))
    with pytest.raises(TooManyPixels):
        run(hostile, SMALL)
    assert not hostile._idle


def test_a_refusal_of_too_many_pixels_says_which(sandboxes: SandboxPool) -> None:
    strict = Examine("image/gif", False, 1 << 20, 3, 1 << 30)
    with pytest.raises(TooManyPixels, match="3 frames"):
        sandboxes.run(replace(examining("animated.gif"), job=strict), Limits(max_frames=3), PATIENCE)


def test_a_file_that_is_cut_is_said_to_be_cut(sandboxes: SandboxPool) -> None:
    task = examining("animated.gif")
    with pytest.raises(BrokenImage, match=CUT):
        sandboxes.run(replace(task, data=task.data[:-2]), LIMITS, PATIENCE)
