"""Budgets for work that costs much processor time: how many requests may do it at a time, and how many may wait.

A request holds at most one of these at a time. While it waits it holds no thread, no connection and none of these.
"""

from __future__ import annotations

from services.admission import Budget

CONVERSIONS = Budget(1, waiting=4, busy="The server converts as many images as it can")
"""A conversion takes up to ten seconds of processor time, and hundreds of megabytes in a sandbox."""

PROOFS = Budget(2, waiting=8, busy="The server checks as many images as it can")
"""A GIF, WebP or AVIF is decoded in a sandbox to check that it can be shown, which takes some milliseconds as a rule
and ten seconds at worst. Two may be checked at a time, so that a slow one doesn't block all others."""

STRETCHES = Budget(1, waiting=16, busy="The server checks as many passwords as it can")
"""Argon2id takes 32 MiB and some 50 ms of processor time, for an image's password and for an account's. One at a time
in each process keeps the processors busy; the last of sixteen waiting requests waits for about a second."""

EXPENSIVE = {"conversion": CONVERSIONS, "proof": PROOFS, "password": STRETCHES}
"""The budgets by their names in metrics."""

EXPENSIVE_AT_ONCE = sum(budget.units for budget in EXPENSIVE.values())
"""How many threads may do such work at the same time."""
