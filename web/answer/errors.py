"""All errors that clients may see, with their statuses, and the forms in which they are sent."""

from __future__ import annotations

import logging
import traceback
from urllib.parse import quote

from flask import Flask, Response, current_app, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from imaging import BrokenImage, NotAnImage, SandboxMissing, TooBusy, TooManyPixels
from services import (
    AccountAsked,
    BadCursor,
    BadLifetime,
    BodyCutShort,
    ClientQuotaReached,
    CurrentPasswordWrong,
    DatabaseAway,
    FormNotMade,
    ImageBlocked,
    ImageGone,
    KeyGone,
    KeyNotEnough,
    LoginRefused,
    NameTaken,
    OpensByPostOnly,
    Overloaded,
    OwnerQuotaReached,
    PasswordAsked,
    PasswordWrong,
    RegistrationClosed,
    ServiceError,
    StorageFull,
    StoreAway,
    TokenRefused,
    TooManyGuesses,
    TooManyKeys,
    TooManyLogins,
    TooManyRequests,
    TooSlow,
    UploadCodeAsked,
    UploadCodeWrong,
    UploadsClosed,
    UploadsOff,
    counts,
    whole_minutes,
)
from web.answer.accepted import best_of
from web.answer.address import address, base_path
from web.answer.contact import with_contact

log = logging.getLogger("mayfly")


class BadRequest(Exception):
    """A request that can't be understood; `code` names the error, the message says what to do about it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


STATUS: dict[type[Exception], tuple[int, str]] = {
    ImageGone: (404, "not_found"),
    BadLifetime: (400, "bad_lifetime"),
    FormNotMade: (400, "bad_format"),
    NotAnImage: (415, "not_an_image"),
    BrokenImage: (422, "broken_image"),
    ImageBlocked: (403, "blocked"),
    TooManyPixels: (422, "too_many_pixels"),
    PasswordAsked: (401, "password_asked"),
    PasswordWrong: (403, "password_wrong"),
    TooManyGuesses: (429, "too_many_guesses"),
    AccountAsked: (401, "account_asked"),
    TokenRefused: (401, "token_refused"),
    LoginRefused: (401, "login_refused"),
    CurrentPasswordWrong: (403, "password_wrong"),
    NameTaken: (409, "name_taken"),
    TooManyRequests: (429, "too_many_requests"),
    TooManyLogins: (429, "too_many_logins"),
    KeyNotEnough: (403, "key_not_enough"),
    KeyGone: (404, "not_found"),
    TooManyKeys: (409, "too_many_keys"),
    UploadCodeAsked: (401, "upload_code_asked"),
    UploadCodeWrong: (403, "upload_code_wrong"),
    UploadsClosed: (403, "uploads_closed"),
    RegistrationClosed: (403, "registration_closed"),
    BadCursor: (400, "bad_cursor"),
    BodyCutShort: (400, "incomplete_body"),
    TooSlow: (408, "too_slow"),
    TooBusy: (503, "too_busy"),
    SandboxMissing: (503, "sandbox_missing"),
    Overloaded: (503, "too_busy"),
    UploadsOff: (503, "uploads_off"),
    StorageFull: (507, "storage_full"),
    ClientQuotaReached: (429, "client_quota"),
    OwnerQuotaReached: (429, "owner_quota"),
    DatabaseAway: (503, "database_away"),
    StoreAway: (503, "store_away"),
}

ACCOUNT_CHALLENGE = 'Bearer realm="Mayfly"'
CHALLENGES: dict[type[Exception], str] = {
    PasswordAsked: 'Basic realm="the image", charset="UTF-8"',
    UploadCodeAsked: 'Basic realm="an upload code as the user name", charset="UTF-8"',
    AccountAsked: ACCOUNT_CHALLENGE,
    LoginRefused: ACCOUNT_CHALLENGE,
    TokenRefused: f'{ACCOUNT_CHALLENGE}, error="invalid_token"',
}

NAMES_CONTACT: set[type[Exception]] = {
    ImageBlocked,
    RegistrationClosed,
    UploadCodeAsked,
    UploadCodeWrong,
    UploadsClosed,
    UploadsOff,
}
"""Refusals that the operator has ordered; their messages name ABUSE_CONTACT where it is set."""

PLAIN_WORDS = {
    400: ("bad_request", "The request can't be understood; see the README for what Mayfly answers."),
    404: (
        "not_found",
        "There is nothing at this address; an image is uploaded by PUT to it or by POST to /upload.",
    ),
    405: (
        "method_not_allowed",
        "This address doesn't answer that method; the Allow header names those it does.",
    ),
    500: (
        "internal_error",
        "Mayfly made a mistake; nothing was stored. Try again, and report it if it stays.",
    ),
}

ANSWER_TYPES = ("application/json", "text/plain", "text/html")


def register_errors(app: Flask) -> None:
    """Answer every known error by the table, and any other one by a message that reveals no internals."""
    for kind in STATUS:
        app.register_error_handler(kind, _known)
    app.before_request(_refuse)
    app.register_error_handler(OpensByPostOnly, _opens_by_post_only)
    app.register_error_handler(BadRequest, _bad_request)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def _refuse() -> None:
    """Raise the error that was found before Flask saw the request."""
    refusal: ServiceError | None = request.environ.get("mayfly.refusal")
    if refusal is not None:
        raise refusal


def _known(error: Exception) -> Response:
    status, code = STATUS[type(error)]
    message = with_contact(str(error)) if type(error) in NAMES_CONTACT else str(error)
    if type(error) is UploadCodeAsked and wants_page():
        # A 401 would make the browser ask in a window of its own, and keep the code; the page asks for it in a field.
        return error_response(403, code, message)
    seconds = getattr(error, "retry_after", None)
    response = error_response(status, code, message, seconds)
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    if type(error) in CHALLENGES:
        response.headers["WWW-Authenticate"] = CHALLENGES[type(error)]
    return response


def _opens_by_post_only(error: OpensByPostOnly) -> Response:
    """Redirect a browser to the share page, which opens at a click; tell other clients the `curl` line."""
    if wants_page():
        response = Response(status=303, headers={"Location": f"{base_path()}/s#{error.link}"})
    else:
        line = f"curl -X POST -o image {address()}{quote(request.path)}"
        response = error_response(405, "open_by_post", f"{error} Open it with: {line}")
    response.headers["Allow"] = "POST"
    response.headers["Cache-Control"] = "no-store"
    return response


def _bad_request(error: BadRequest) -> Response:
    return error_response(error.status, error.code, str(error))


def _takes_uploads_alone(error: MethodNotAllowed) -> bool:
    """Tell whether an address has no route except PUT, which accepts an upload at every address."""
    if not set(error.valid_methods or ()) <= {"PUT", "OPTIONS"}:
        return False
    adapter = current_app.create_url_adapter(request)
    return adapter is not None and adapter.match(method="PUT")[0] == "drop.put"


def _http(error: HTTPException) -> Response:
    """Answer an error of Flask or Werkzeug with its status and headers, such as Allow, but with our message."""
    status = error.code or 500
    if isinstance(error, MethodNotAllowed) and _takes_uploads_alone(error):
        return error_response(404, *PLAIN_WORDS[404])
    if status < 400:
        return Response(
            error.get_response().get_data(), status, headers=dict(error.get_headers(request.environ))
        )
    response = error_response(status, *PLAIN_WORDS.get(status, PLAIN_WORDS[400 if status < 500 else 500]))
    for header, value in error.get_headers(request.environ):
        if header != "Content-Type":
            response.headers[header] = value
    return response


def _unknown(error: Exception) -> Response:
    # The message of an unknown error may hold a path or a value of the request: only its type and place are logged.
    places = "".join(traceback.format_tb(error.__traceback__))
    log.error("unexpected %s in %s\n%s", type(error).__name__, request.url_rule, places)
    counts.ERRORS.add()
    return error_response(500, *PLAIN_WORDS[500])


def wants_page() -> bool:
    """Tell by ``Accept`` whether a browser shows the answer as a page, rather than a script or ``curl``."""
    return best_of(ANSWER_TYPES) == "text/html"


def error_response(status: int, code: str, message: str, wait: int | None = None) -> Response:
    """Write an error as JSON, as text with the same message, or as a page for a browser."""
    counts.REFUSED.add(code)
    best = best_of(ANSWER_TYPES)
    if best == "text/plain":
        response = Response(f"{message}\n", mimetype="text/plain")
    elif best == "text/html":
        response = Response(
            render_template(
                "error.html", status=status, code=code, message=message, wait=wait and whole_minutes(wait)
            )
        )
    else:
        response = jsonify(status="error", error=code, message=message)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
