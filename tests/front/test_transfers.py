"""Which slow connections are ended, and which are not."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from front.pool import LATE_SECONDS, ThreadPool
from front.sockets import MOST_UNSENT_BYTES, USER_TIMEOUT_MILLISECONDS, bound_kernel
from front.transfer import GRACE_SECONDS, LEAST_RATE, LONGEST_STALL_SECONDS, Transfer
from front.transfers import MOST_TRANSFERS, PATIENCE_UNDER_PRESSURE, Transfers
from services import Allowance, Memory, Overloaded

MIB = 2**20


def in_a_loop(steps: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in a thread of its own: another test may have left its event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, steps).result()


NOT_SILENT = -60.0
"""Seconds: silent only from a minute on, however long a busy machine takes for a test."""


def transfer(memory: Memory, ended: list[str], name: str, held: int, silent: float) -> Transfer:
    """Return a transfer that holds so many bytes of large images, and has been silent for so many seconds."""
    allowance = Allowance(memory)
    allowance.hold(memory.large, held)

    def stop() -> None:
        ended.append(name)
        allowance.close()

    made = Transfer(allowance, stop)
    made.wait()
    assert made.waits_since is not None
    made.waits_since -= silent
    return made


def looked_at(memory: Memory, *transfers: Transfer) -> None:
    """Have some transfers looked at once."""

    async def look() -> None:
        under_test = Transfers(memory)
        for each in transfers:
            under_test.add(each)
        under_test._look()

    in_a_loop(look())


def test_only_as_many_are_ended_as_it_takes_and_the_most_silent_first() -> None:
    memory, ended = Memory(8 * MIB), list[str]()
    transfers = [transfer(memory, ended, name, 2 * MIB, silent) for name, silent in
             (("slow", 0.6), ("silent", 9.0), ("slower", 2.0), ("busy", NOT_SILENT))]  # fmt: skip
    looked_at(memory, *transfers)
    assert ended == [], "nobody waits"
    memory.large.join(3 * MIB, lambda: None)
    looked_at(memory, *transfers)
    assert ended == ["silent", "slower"]


def test_who_moves_is_not_ended_although_others_wait() -> None:
    memory, ended = Memory(8 * MIB), list[str]()
    moving = transfer(memory, ended, "moving", 8 * MIB, NOT_SILENT)
    memory.large.join(MIB, lambda: None)
    looked_at(memory, moving)
    assert ended == []


@pytest.mark.parametrize(
    ("age", "rate", "silent", "ended"),
    [
        (GRACE_SECONDS - 1, 0, GRACE_SECONDS - 1, False),
        (GRACE_SECONDS + 1, LEAST_RATE + 1, 0.1, False),
        (GRACE_SECONDS + 1, LEAST_RATE - 1, 0.1, True),
        (600, LEAST_RATE * 100, LONGEST_STALL_SECONDS + 1, True),
    ],
)
def test_the_least_rate(age: float, rate: float, silent: float, ended: bool) -> None:
    made = Transfer(Allowance(), lambda: None)
    now = made.begun + age
    made.moved = int(rate * age)
    made.waits_since = now - silent
    assert made.too_slow(now) is ended
    made.waits_since = None
    assert not made.too_slow(now), "it doesn't wait for the network"
    made.ends_at = now
    assert made.too_slow(now)


def test_where_too_many_are_under_way_the_most_silent_makes_place() -> None:
    async def crowded() -> None:
        memory, ended = Memory(MIB), list[str]()
        transfers = Transfers(memory)
        for number in range(MOST_TRANSFERS):
            transfers.add(transfer(memory, ended, str(number), 0, 0.0))
        with pytest.raises(Overloaded):
            transfers.add(transfer(memory, ended, "refused", 0, 0.0))
        transfers.leave(next(iter(transfers._under_way)))
        transfers.add(transfer(memory, ended, "silent", 0, 2 * PATIENCE_UNDER_PRESSURE))
        transfers.add(transfer(memory, ended, "new", 0, 0.0))
        assert ended == ["silent"]

    in_a_loop(crowded())


def test_the_kernel_is_bounded_on_connections_that_stand_and_on_those_to_come() -> None:
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen()
        first.connect(server.getsockname())
        stands, _ = server.accept()
        bound_kernel()
        second.connect(server.getsockname())
        new, _ = server.accept()
        for each in (stands, new):
            assert each.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MILLISECONDS
            assert each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == MOST_UNSENT_BYTES
            each.close()


def test_a_pool_starts_a_thread_only_when_a_call_finds_none_idle() -> None:
    async def calls() -> None:
        pool, go_on = ThreadPool(3), threading.Event()
        before = threading.active_count()
        for _ in range(5):
            await pool.run(lambda: 1)
            await asyncio.sleep(LATE_SECONDS)  # until the thread is idle again
        assert threading.active_count() == before + 1
        blocked = [pool.run(go_on.wait) for _ in range(4)]
        await asyncio.sleep(10 * LATE_SECONDS)  # until three of them are begun
        assert (threading.active_count(), pool.busy, pool.waiting) == (before + 3, 3, 1)
        go_on.set()
        assert await asyncio.gather(*blocked) == [True] * 4

    in_a_loop(calls())


def test_a_result_of_none_is_told_although_nothing_else_happens() -> None:
    async def calls() -> None:
        pool = ThreadPool(2)
        async with asyncio.timeout(100 * LATE_SECONDS):
            assert await pool.run(lambda: 1) == 1
            assert await asyncio.gather(*(pool.run(lambda: None) for _ in range(5))) == [None] * 5
            with pytest.raises(ZeroDivisionError):
                await pool.run(lambda: 1 // 0)
        assert pool.waiting == 0

    in_a_loop(calls())
