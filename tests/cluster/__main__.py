"""``make cluster``: stops and kills real databases, stores and servers while clients use Mayfly."""

from __future__ import annotations

import argparse
import signal
import sys

from tests.cluster import failover, shards, stores, together
from tests.cluster.network import enter
from tests.cluster.table import say

FORMS = {"failover": failover, "together": together, "shards": shards, "stores": stores}


def main() -> None:
    """Run one form, or all in their long form; the status is 1 where an answer was wrong."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that whatever was started is ended
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    forms = parser.add_subparsers(dest="form")
    for name, form in FORMS.items():
        form.options(forms.add_parser(name, help=form.__doc__))
    given = parser.parse_args()
    wanted = [given] if given.form else [parser.parse_args([name]) for name in FORMS]
    if not enter("tests.cluster"):
        say("no link is cut: that takes `ip`, `unshare`, and a kernel that allows a network of one's own")
    faultless = [FORMS[arguments.form].run(arguments) for arguments in wanted]
    if not all(faultless):
        sys.exit("an answer was wrong: see the table")


if __name__ == "__main__":
    main()
