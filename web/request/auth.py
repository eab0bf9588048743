"""The account whose token or API key a request has in ``Authorization``; one that is no good is refused."""

from __future__ import annotations

from uuid import UUID

from flask import Flask, g, request

from services import OPEN_CATALOG, Account, AccountAsked, Accounts, ApiKeys, KeyNotEnough
from web.answer.errors import BadRequest
from web.description.operation import AccountUse, operation_of


def register_auth(app: Flask, accounts: Accounts, api_keys: ApiKeys, *, open_catalog: bool) -> None:
    """Find the account of a request before its route is called, where the route's description asks for it."""

    @app.before_request
    def identify() -> None:
        g.account, g.open_catalog = None, open_catalog
        header = request.environ.get("HTTP_AUTHORIZATION")
        if header is None:
            return
        use = _account_use(app)
        if use == "ignored":
            return
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic":  # the password of an image, which is another matter
            _check_basic()
            return
        token = rest.strip() if scheme.lower() == "bearer" else header
        g.account = (api_keys if ApiKeys.looks_like_key(token) else accounts).identify(token)
        if g.account.by_key and use == "logged in":
            raise KeyNotEnough


def _account_use(app: Flask) -> AccountUse:
    """Read from the description of the route, if there is one, what an account has to do with it."""
    operation = operation_of(app.view_functions[request.endpoint]) if request.endpoint else None
    return "ignored" if operation is None else operation.account


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
    """Return the owner of the catalog that the client uses: its account, the open catalog's owner, or None."""
    if g.account is not None:
        return account().id
    return OPEN_CATALOG if g.open_catalog else None
