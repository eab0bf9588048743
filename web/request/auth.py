"""Who is asking: the account whose token stands in ``Authorization``, or nobody. A bad token is never nobody."""

from __future__ import annotations

from uuid import UUID

from flask import Flask, g, request

from services import OPEN_CATALOG, Account, AccountAsked, Accounts
from web.answer.errors import BadRequest
from web.description.operation import operation_of


def register_auth(app: Flask, accounts: Accounts, *, open_catalog: bool) -> None:
    """Look who is asking before each request that may care."""

    @app.before_request
    def identify() -> None:
        g.account, g.open_catalog = None, open_catalog
        header = request.headers.get("Authorization")
        if header is None or not _looks_who_is_asking(app):
            return
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic":  # the password of an image, which is another matter
            _check_basic()
            return
        g.account = accounts.identify(rest.strip() if scheme.lower() == "bearer" else header)


def _looks_who_is_asking(app: Flask) -> bool:
    """Read from the description of the route, if there is one, whether an account has to do with it."""
    operation = operation_of(app.view_functions[request.endpoint]) if request.endpoint else None
    return operation is not None and operation.account != "ignored"


def _check_basic() -> None:
    if request.authorization is None or request.authorization.password is None:
        raise BadRequest("bad_authorization", "The HTTP Basic header can't be read; try curl -u :PASSWORD.")


def account() -> Account:
    """Return the account that is asking; raises AccountAsked."""
    found: Account | None = g.account
    if found is None:
        raise AccountAsked
    return found


def catalog_owner() -> UUID | None:
    """Return whose catalog the caller's is: the account's, the open one where it is open, or none."""
    if g.account is not None:
        return account().id
    return OPEN_CATALOG if g.open_catalog else None
