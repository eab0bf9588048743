"""The commands of ``flask`` for operators."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import click
from flask import Flask

import embedded
import logs
from config import Config
from crypto import MalformedServerKey
from database import usable_database
from environment import ConfigError
from services import (
    Accounts,
    ApiKeys,
    DatabaseAway,
    OperatorActions,
    Purge,
    Shards,
    Status,
    StatusReport,
    Sweep,
    TakenDown,
    links_in,
)

DIGEST = re.compile("[0-9a-f]{64}", re.IGNORECASE)


@dataclass(frozen=True)
class CommandServices:
    """The services that commands call."""

    purge: Purge
    sweep: Sweep | None
    accounts: Accounts
    api_keys: ApiKeys
    operator: OperatorActions
    status: Status
    shards: Shards


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Turn a foreseeable error in a command of ``flask`` into ClickException, which prints one sentence.

    Outside of a command the error passes unchanged.
    """
    try:
        yield
    except (ConfigError, MalformedServerKey, embedded.EmbeddedError, DatabaseAway) as error:
        if click.get_current_context(silent=True) is None:
            raise
        raise click.ClickException(str(error)) from None


@contextmanager
def _on_database(config: Config, services: CommandServices) -> Iterator[None]:
    """Have a usable database while the block runs, and log as the server does if no other log handler is set."""
    if not logging.getLogger().hasHandlers():
        logs.begin(config, lambda: None)
    with in_one_sentence(), usable_database(config, (shard.engine for shard in services.shards.all)):
        yield


def register_commands(app: Flask, config: Config, services: CommandServices) -> None:
    """Add the commands that operators type after ``flask``."""
    _add_upkeep(app, config, services)
    _add_takedown(app, config, services)
    _add_blocking(app, config, services)
    _add_switch(app, config, services)
    _add_status(app, config, services)


def _add_upkeep(app: Flask, config: Config, services: CommandServices) -> None:
    @app.cli.command("purge")
    def purge() -> None:
        """Remove what has expired."""
        with _on_database(config, services):
            click.echo(f"deleted {services.purge()}")

    @app.cli.command("sweep")
    def sweep() -> None:
        """Remove all expired objects from the object store."""
        if services.sweep is None:
            raise click.ClickException("the settings name no object store; S3_BUCKET_NAME says which")
        with _on_database(config, services):
            removed = 0
            while some := services.sweep():
                removed += some
        click.echo(f"removed {removed}")

    @app.cli.command("renew-accounts")
    def renew_accounts() -> None:
        """Seal accounts and their API keys under the newest server key, so that older keys can be removed."""
        with _on_database(config, services):
            click.echo(
                f"renewed accounts: {services.accounts.renew()}, API keys: {services.api_keys.renew()}"
            )


class _TakesLinks(click.Command):
    """A command whose arguments may be links. One link in 64 begins with a dash, as an option does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [word for word in args if word.startswith("-") and word != "--" and not links_in(word)]
        texts = [word for word in args if word not in (*options, "--")]
        return super().parse_args(ctx, [*options, "--", *texts])


def _add_takedown(app: Flask, config: Config, services: CommandServices) -> None:
    @app.cli.command("takedown", cls=_TakesLinks)
    @click.argument("texts", metavar="LINK...", nargs=-1, required=True)
    @click.option("--block", "and_block", is_flag=True, help="Refuse later uploads of the same image, too.")
    @click.pass_context
    def takedown(context: click.Context, texts: tuple[str, ...], *, and_block: bool) -> None:
        """Remove images at once: by links, share URLs, image URLs, albums, or texts that contain them.

        The exit status is 0 if all of it was done.
        """
        done = True
        with _on_database(config, services):
            for text in texts:
                links = links_in(text)
                if not links:
                    click.echo("no link in this text")
                    done = False
                for link in links:
                    taken = services.operator.take_down(link, and_block=and_block)
                    click.echo(f"{link}: {_takedown_result(taken, and_block=and_block)}")
                    done &= taken.removed and (taken.blocked is not None or not and_block)
        context.exit(0 if done else 1)


def _takedown_result(taken: TakenDown, *, and_block: bool) -> str:
    if not taken.removed:
        return "no living image at this link"
    if not and_block:
        return "taken down"
    if taken.blocked is None:
        return "taken down, but not blocked: its SHA-256 can't be read without the image's password"
    return f"taken down, and blocked: {taken.blocked.hex()}"


def _digest(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> list[bytes]:
    if not all(map(DIGEST.fullmatch, texts)):
        raise click.BadParameter("a SHA-256 is 64 hexadecimal digits, as sha256sum prints them")
    return list(map(bytes.fromhex, texts))


def _add_blocking(app: Flask, config: Config, services: CommandServices) -> None:
    digests_given = click.argument("digests", metavar="SHA256...", nargs=-1, required=True, callback=_digest)

    @app.cli.command("block")
    @digests_given
    def block(digests: list[bytes]) -> None:
        """Refuse later uploads of images by the SHA-256 of the uploaded file, or of the stored image as in its
        receipt."""
        with _on_database(config, services):
            click.echo(f"blocked {services.operator.block(digests)} more")

    @app.cli.command("unblock")
    @digests_given
    def unblock(digests: list[bytes]) -> None:
        """Allow blocked images to be uploaded again."""
        with _on_database(config, services):
            click.echo(f"unblocked {services.operator.unblock(digests)}")


def _add_switch(app: Flask, config: Config, services: CommandServices) -> None:
    @app.cli.command("uploads")
    @click.argument("switch", metavar="off|on", type=click.Choice(["off", "on"]))
    def uploads(switch: str) -> None:
        """Turn uploads off or on, for every server process on this database, within two seconds."""
        with _on_database(config, services):
            changed = services.operator.switch_uploads(on=switch == "on")
            click.echo(f"uploads are {switch}" if changed else f"uploads were {switch} already")


def _add_status(app: Flask, config: Config, services: CommandServices) -> None:
    @app.cli.command("status")
    @click.option("--json", "as_json", is_flag=True, help="For programs: one object, times in UTC.")
    def status(*, as_json: bool) -> None:
        """Print figures about the service, and whether uploads are on."""
        with _on_database(config, services):
            told = {name: _status(report) for name, report in services.status().items()}
        alone = next(iter(told.values())) if len(services.shards.all) == 1 else None
        if as_json:
            click.echo(json.dumps(alone or told))
            return
        for name, figures in told.items():
            if not alone:
                click.echo(f"shard {name}")
            width = max(map(len, figures)) + 2
            for figure, value in figures.items():
                click.echo(f"{figure.replace('_', ' '):{width}}{'none' if value is None else value}")
        for shard in services.shards.all:
            if shard.name not in told:
                click.echo(f"shard {shard.name} is away")


def _status(report: StatusReport) -> dict[str, object]:
    """Return the figures of a report for printing: whether uploads are on as a word, and times as text."""
    since = report.uploads_off_since
    moment = None if since is None else datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds")
    return {"uploads": "on" if since is None else "off", **asdict(report), "uploads_off_since": moment}
