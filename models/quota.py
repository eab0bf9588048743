"""Quotas of uploaders: how many living images, and how many bytes, one client address or one account may have.

The functions of migration 0009 count them in the rows, and reuse a count for five minutes.
"""

# ruff: noqa: S608 - the statements contain only names of columns and our own SQL

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from models.base import expired_deletion, raw_cursor
from models.image import LIVING, STORED_BYTES

UNLIMITED = 2**62
OVER_QUOTA = "23Q01"
"""The SQLSTATE that the functions of migration 0009 raise: our own code in the class integrity_constraint_violation."""


@dataclass(frozen=True)
class UploaderQuota:
    """The quota of one client address or one account: the most images, and the most bytes, that may live at a time."""

    column: str
    """The column of ``images`` whose rows with this ``value`` are counted: client_tag or owner_id."""
    value: bytes | UUID = field(repr=False)
    most_images: int = UNLIMITED
    most_bytes: int = UNLIMITED

    def check(self, lock: int | None, more_images: int, more_bytes: int) -> tuple[str, tuple[object, ...]]:
        """Return the statement that raises OVER_QUOTA if so much more is too much, and its parameters.

        ``lock`` is the first number of the advisory lock to take; None takes no lock.
        """
        more = more_images, more_bytes, self.most_images, self.most_bytes
        return f"SELECT check_{self.column}(%s, %s, %s, %s, %s, %s);", (self.parameter, lock, *more)

    @property
    def parameter(self) -> bytes | str:
        """The value as a parameter for psycopg2."""
        return str(self.value) if isinstance(self.value, UUID) else self.value


@dataclass(frozen=True)
class QuotaUse:
    """How much of a quota is used, and in how many seconds an upload will fit into it; None if it never will."""

    images: int
    bytes: int
    seconds: int | None


LOCKS = {"client_tag": 1, "owner_id": 2}
"""The first of the two numbers of an advisory lock. It can't collide with PURGE_LOCK, which is a single number."""
_TAKEN = f"""
    WITH living AS (
        SELECT expires_at, {STORED_BYTES} AS stored FROM images WHERE {{column}} = %(value)s AND {LIVING}
    ), taken AS (
        SELECT count(*) AS images, coalesce(sum(stored), 0) AS bytes FROM living
    ), ended AS (
        SELECT expires_at, count(*) OVER soonest AS images, sum(stored) OVER soonest AS bytes
        FROM living WINDOW soonest AS (ORDER BY expires_at ROWS UNBOUNDED PRECEDING)
    )
    SELECT taken.images, taken.bytes::bigint, (
        SELECT ceil(extract(epoch FROM min(expires_at) - clock_timestamp()))::bigint FROM ended
        WHERE taken.images + %(images)s - ended.images <= %(most_images)s
          AND taken.bytes + %(size)s - ended.bytes <= %(most_bytes)s
    ) FROM taken
    """


def quota_checks(
    connection: Connection, quotas: list[UploaderQuota], size: int, images: int = 1
) -> tuple[bytes, bytes]:
    """Write the statements to run before and after the statements that store images of ``size`` bytes in all.

    The first ones refuse an upload that is too much already, before its bytes are sent to the database. The others make
    the check exact: they take an advisory lock, which is held until the transaction ends. All of them raise OVER_QUOTA,
    and count rows only if the upload does not fit beside the count that is kept. Without quotas both are empty.
    """
    before = [quota.check(None, images, size) for quota in quotas]
    # Every transaction takes the locks in the same order, so that there is no deadlock.
    ordered = sorted(quotas, key=lambda quota: LOCKS[quota.column])
    after = [quota.check(LOCKS[quota.column], images, size) for quota in ordered]
    with raw_cursor(connection) as cursor:
        return (
            b"".join(cursor.mogrify(*check) for check in before),
            b"".join(cursor.mogrify(*check) for check in after),
        )


_FORGET = expired_deletion("counted")


def forget_counted(connection: Connection, rows: int) -> None:
    """Delete at most ``rows`` of the kept counts that are too old to be used."""
    connection.execute(_FORGET, {"rows": rows})


def quota_reached(error: DBAPIError) -> str | None:
    """Return the column whose quota refused an upload, by the error of the upload; None for any other error."""
    if getattr(error.orig, "pgcode", None) != OVER_QUOTA:
        return None
    return str(error.orig.diag.message_detail)  # type: ignore[union-attr]


def quota_use(connection: Connection, quota: UploaderQuota, size: int, images: int) -> QuotaUse:
    """Count how much of a quota is used, and when ``images`` more, of ``size`` bytes in all, will fit."""
    with raw_cursor(connection) as cursor:
        values = {**vars(quota), "value": quota.parameter, "size": size, "images": images}
        cursor.execute(_TAKEN.format(column=quota.column), values)
        return QuotaUse(*cursor.fetchone())
