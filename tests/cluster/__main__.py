"""``make cluster``: real engines are switched over, killed, frozen and cut off while clients of Mayfly go on."""

from __future__ import annotations

import argparse
import sys

from tests.cluster import failover, together
from tests.cluster.network import enter
from tests.cluster.table import say

FORMS = {"failover": failover, "together": together}


def main() -> None:
    """Run one form, or all; the status is 1 where an answer was wrong."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    forms = parser.add_subparsers(dest="form", required=True)
    for name, form in FORMS.items():
        form.options(forms.add_parser(name, help=form.__doc__))
    arguments = parser.parse_args()
    if not enter("tests.cluster"):
        say(
            "this kernel allows no network of our own, so no link is cut (it takes `ip`, `unshare` and user namespaces)"
        )
    if not FORMS[arguments.form].run(arguments):
        sys.exit("an answer was wrong: see the table")


if __name__ == "__main__":
    main()
