"""What is dear in a process, and how much of it is done at once and waited for; each has a short queue of its own.

A request has a turn at one of these at a time. Whoever waits holds no thread, no connection and no turn.
"""

from __future__ import annotations

from services.admission import Budget

CONVERSIONS = Budget(1, waiting=4, busy="The server converts as many images as it can")
"""A conversion takes up to ten seconds of a processor, and hundreds of megabytes in a helper process."""

PROOFS = Budget(2, waiting=8, busy="The server checks as many images as it can")
"""GIF, WebP and AVIF are proved in a helper process: some milliseconds as a rule, ten seconds at the worst. With two of
them, one that takes so long doesn't hold up all the others."""

STRETCHES = Budget(1, waiting=16, busy="The server checks as many passwords as it can")
"""Argon2id takes 32 MiB and some 50 ms of a processor, for an image's password and for an account's. One for each
process keeps the processors busy; the last of sixteen waits for about a second."""

DEAR_AT_ONCE = sum(budget.units for budget in (CONVERSIONS, PROOFS, STRETCHES))
"""How many threads may be busy with all of these at once."""
