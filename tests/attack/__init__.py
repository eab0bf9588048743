"""Attacks on a running Mayfly, with honest clients beside them: `make attack`, and a short form in `make test`."""
