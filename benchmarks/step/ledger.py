"""Wall and processor time by step, each step without those inside it."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

ROOMS = ("app", "crypto", "imaging", "models", "services", "storage", "web")


class Ledger:
    """What one request spent, in seconds; steps of other threads go under a name of their own."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = defaultdict(float)
        self.cpu: dict[str, float] = defaultdict(float)
        self._own = threading.local()
        self._thread = 0

    def begin(self) -> None:
        """Start over for a request of this thread."""
        self.wall.clear()
        self.cpu.clear()
        self._thread = threading.get_ident()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        stack: list[list[float]] = self._own.__dict__.setdefault("stack", [])
        if threading.get_ident() != self._thread:
            name += " (beside)"
        inside = [0.0, 0.0]
        stack.append(inside)
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            took = time.perf_counter() - wall, time.thread_time() - cpu
            stack.pop()
            self.wall[name] += took[0] - inside[0]
            self.cpu[name] += took[1] - inside[1]
            if stack:
                stack[-1][0] += took[0]
                stack[-1][1] += took[1]

    def move(self, source: str, target: str, since: tuple[float, float]) -> None:
        """Take the time since then, of wall and processor, from the step that is under way to another."""
        wall, cpu = time.perf_counter() - since[0], time.thread_time() - since[1]
        for name, sign in ((source, -1), (target, 1)):
            self.wall[name] += sign * wall
            self.cpu[name] += sign * cpu


def install(ledger: Ledger, table: dict[str, str]) -> None:
    """Wrap the functions of a table wherever a room has them; a name that is not there raises."""
    for name, step in table.items():
        module, _, path = name.partition(":")
        owner: Any = importlib.import_module(module)
        *classes, last = path.split(".")
        for each in classes:
            owner = getattr(owner, each)
        found = inspect.getattr_static(owner, last)  # AttributeError: mend benchmarks/step/table.py
        plain = found.__func__ if isinstance(found, classmethod) else found
        wrapped: Any = _wrapped(ledger, plain, step)
        if classes:
            setattr(owner, last, classmethod(wrapped) if isinstance(found, classmethod) else wrapped)
        else:
            _rebind(plain, wrapped)


def _rebind(plain: object, wrapped: object) -> None:
    """Modules that imported the function by name have it in their own namespace."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ROOMS:
            for key, value in list(vars(module).items()):
                if value is plain:
                    setattr(module, key, wrapped)


def _wrapped(ledger: Ledger, function: Callable[..., Any], step: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        with ledger.step(step):
            return function(*arguments, **options)

    @functools.wraps(function)
    def generate(*arguments: Any, **options: Any) -> Iterator[Any]:
        pieces = function(*arguments, **options)
        while True:
            with ledger.step(step):
                try:
                    piece = next(pieces)
                except StopIteration:
                    return
            yield piece

    return generate if inspect.isgeneratorfunction(function) else call
