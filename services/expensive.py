"""What costs much processor time, and how many requests may do it at a time or wait for it: a short queue for each.

A request has a turn at one of these at a time. A request that waits holds no thread, no connection and no turn.
"""

from __future__ import annotations

from services.admission import Budget

CONVERSIONS = Budget(1, waiting=4, busy="The server converts as many images as it can")
"""A conversion takes up to ten seconds of a processor, and hundreds of megabytes in a sandbox."""

PROOFS = Budget(2, waiting=8, busy="The server checks as many images as it can")
"""GIF, WebP and AVIF are decoded in a sandbox to see that they open: some milliseconds as a rule, ten seconds at worst.
There are two turns, so that one image that takes so long doesn't hold up all the others."""

STRETCHES = Budget(1, waiting=16, busy="The server checks as many passwords as it can")
"""Argon2id takes 32 MiB and some 50 ms of a processor, for an image's password and for an account's. One at a
time in each process keeps the processors busy; the last of sixteen requests waits for about a second."""

EXPENSIVE = {"conversion": CONVERSIONS, "proof": PROOFS, "password": STRETCHES}
"""All of these by their names in metrics."""

EXPENSIVE_AT_ONCE = sum(budget.units for budget in EXPENSIVE.values())
"""How many threads may be busy with all of these at once."""
