"""The operator's gate before uploads and registrations: asked as early as a request shows what it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Literal

from flask import Flask, Request, g, request
from pydantic import Field

from services import (
    AccountAsked,
    Gate,
    GateUse,
    RegistrationClosed,
    ServiceError,
    UploadCodeAsked,
    UploadCodeWrong,
    UploadsClosed,
    audit,
    once,
)
from web.answer.errors import BadRequest
from web.description.operation import Operation, operation_of
from web.request.client import address_of
from web.request.limits import guessing

WayIn = Literal["open", "code", "account", "closed"]
UploadCode = Annotated[
    str | None, Field(max_length=128, description="is a code that whoever runs the server gave out")
]
REASONS: dict[type[ServiceError], str] = {
    UploadCodeAsked: "code_missing",
    UploadCodeWrong: "code_wrong",
    AccountAsked: "account_missing",
    UploadsClosed: "closed",
    RegistrationClosed: "closed",
}
"""What the audit line of a refusal says."""


def register_gate(app: Flask, gate: Gate) -> None:
    """Ask at the gate before a route that has one is called; the account of the request is known by then."""

    @app.before_request
    def ask() -> None:
        g.prove = None
        view = app.view_functions[request.endpoint] if request.endpoint else None
        operation = operation_of(view) if view else None
        if operation is None or operation.gate is None or request.method == "OPTIONS":
            return
        _refuse_code_in_url(request)
        with _noting(operation.gate):
            gate.check_open(operation.gate, with_account=g.account is not None)
        if not gate.asks_code(operation.gate, address_of(request)):
            return
        prove = partial(_prove, gate, operation.gate)
        given = _in_headers(request, operation)
        if given or not _may_have_fields(request, operation):
            prove(given)
        else:
            g.prove = prove


def prove_code(field: str | None) -> None:
    """Check the code that stands in a field of the body, where none stood in the headers and one is asked for.

    Raises UploadCodeAsked, UploadCodeWrong.
    """
    if g.prove is not None:
        g.prove(field)


def way_in(gate: Gate, request: Request) -> WayIn:
    """Return what this client needs to upload: nothing (`open`), a code, an account; or `closed`."""
    if gate.uploads == "code" and not gate.asks_code("upload", address_of(request)):
        return "open"
    return gate.uploads


def _prove(gate: Gate, use: GateUse, given: str | None) -> None:
    def check() -> None:
        with guessing(given), _noting(use):
            name = gate.check_code(given)
        audit(f"{use}_let_in", code=name)

    once("upload code", check)


@contextmanager
def _noting(use: GateUse) -> Iterator[None]:
    """Write a line to the audit log if the block refuses the request."""
    try:
        yield
    except ServiceError as refused:
        audit(f"{use}_refused", reason=REASONS[type(refused)])
        raise


def _in_headers(request: Request, operation: Operation) -> str | None:
    """Return the code of the header, or else the user name of HTTP Basic, where that has to do with the route."""
    header = request.headers.get("Upload-Code")
    if header or not operation.basic:
        return header
    basic = request.authorization
    return basic.username if basic and basic.type == "basic" else None


def _may_have_fields(request: Request, operation: Operation) -> bool:
    """Tell whether the body may have a field with a code in it: it is JSON, or a form."""
    as_json = operation.body is not None and operation.body.schema is not None
    return as_json or request.mimetype == "multipart/form-data"


def _refuse_code_in_url(request: Request) -> None:
    if "upload_code" in request.args:
        raise BadRequest(
            "code_in_url",
            "An upload code must not stand in a URL, which logs keep; send it as the header Upload-Code or as a field.",
        )
