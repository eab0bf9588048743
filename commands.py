"""The commands of ``flask`` for operators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask

import embedded
from config import Config, ConfigError
from crypto import MalformedServerKey
from database import usable_database
from services import Accounts, ApiKeys, DatabaseAway, Purge


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Within a command of ``flask``, end it with the sentence of a foreseeable failure; elsewhere let that pass."""
    try:
        yield
    except (ConfigError, MalformedServerKey, embedded.EmbeddedError, DatabaseAway) as error:
        if click.get_current_context(silent=True) is None:
            raise
        raise click.ClickException(str(error)) from None


def register_commands(
    app: Flask, config: Config, purge_now: Purge, accounts: Accounts, api_keys: ApiKeys
) -> None:
    """Add the commands that operators type after ``flask``."""

    @app.cli.command("purge")
    def purge() -> None:
        """Remove what has expired."""
        with in_one_sentence(), usable_database(config):
            click.echo(f"deleted {purge_now()}")

    @app.cli.command("renew-accounts")
    def renew_accounts() -> None:
        """Seal accounts and their API keys under the newest server key, so that an older one may go."""
        with in_one_sentence(), usable_database(config):
            click.echo(f"renewed accounts: {accounts.renew()}, API keys: {api_keys.renew()}")
