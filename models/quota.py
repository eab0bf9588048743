"""How much of what lives came from one address or is one account's: counted in the rows, and kept for a while."""

# ruff: noqa: S608 - what stands in statements are names of columns

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from models.base import expired_deletion, raw_cursor
from models.image import LIVING, STORED_BYTES

UNLIMITED = 2**62
OVER_QUOTA = "23Q01"
"""The SQLSTATE that the checks of migration 0009 raise: an integrity_constraint_violation of our own."""


@dataclass(frozen=True)
class UploaderQuota:
    """Images that count together, and the most of them that may live at a time: their number and their bytes."""

    column: str
    """client_tag or owner_id."""
    value: bytes | UUID = field(repr=False)
    most_images: int = UNLIMITED
    most_bytes: int = UNLIMITED

    def check(self, lock: int | None, more_images: int, more_bytes: int) -> tuple[str, tuple[object, ...]]:
        """Write the statement that refuses what is too much, and its values."""
        more = more_images, more_bytes, self.most_images, self.most_bytes
        return f"SELECT check_{self.column}(%s, %s, %s, %s, %s, %s);", (self.written, lock, *more)

    @property
    def written(self) -> bytes | str:
        """The value as psycopg2 takes it."""
        return str(self.value) if isinstance(self.value, UUID) else self.value


@dataclass(frozen=True)
class QuotaUse:
    """What of a quota is taken, and in how many seconds what is asked for fits; None for never."""

    images: int
    bytes: int
    seconds: int | None


LOCKS = {"client_tag": 1, "owner_id": 2}
"""The first number of an advisory lock; one of two numbers is never the same as PURGE_LOCK, which is a single one."""
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
    """Write the statements that go before and after what stores images of ``size`` bytes in all; empty without quotas.

    Those before refuse what is too much already, so that its bytes are not sent. Those after make it exact: they lock,
    and the lock is held until the transaction ends. All raise OVER_QUOTA, and count rows only where what was counted
    lately leaves no room.
    """
    before = [quota.check(None, images, size) for quota in quotas]
    # Everybody takes the locks in the same order: no deadlock.
    ordered = sorted(quotas, key=lambda quota: LOCKS[quota.column])
    after = [quota.check(LOCKS[quota.column], images, size) for quota in ordered]
    with raw_cursor(connection) as cursor:
        return (
            b"".join(cursor.mogrify(*check) for check in before),
            b"".join(cursor.mogrify(*check) for check in after),
        )


_FORGET = expired_deletion("counted")


def forget_counted(connection: Connection, rows: int) -> None:
    """Delete at most ``rows`` of the counts that are too old to be used."""
    connection.execute(_FORGET, {"rows": rows})


def quota_reached(error: DBAPIError) -> str | None:
    """Tell which column's quota was too small for an upload, by the error that it ended in; None for another error."""
    if getattr(error.orig, "pgcode", None) != OVER_QUOTA:
        return None
    return str(error.orig.diag.message_detail)  # type: ignore[union-attr]


def quota_use(connection: Connection, quota: UploaderQuota, size: int, images: int) -> QuotaUse:
    """Count what lives of a quota, and tell when it has room for so many more images, of ``size`` bytes in all."""
    with raw_cursor(connection) as cursor:
        values = {**vars(quota), "value": quota.written, "size": size, "images": images}
        cursor.execute(_TAKEN.format(column=quota.column), values)
        return QuotaUse(*cursor.fetchone())
