"""The texts of the pages' scripts, and the sentences that pages show for error codes. The catalogues translate both."""

from __future__ import annotations

import json
from functools import cache

from babel import Locale
from babel.numbers import format_decimal
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from web.pages.languages import SIZES, language, locale, translate, translate_plural
from web.request.body import MAX_IMAGES
from web.request.options import MAX_VIEWS
from web.request.passwords import MAX_PASSWORD_BYTES


def _(text: str) -> str:
    """Mark a text for the catalogues; it is translated where it is used."""
    return text


DESCRIPTION = _("Give somebody an image for a few minutes: sealed, by link, and then gone.")
"""What Mayfly is, in one sentence."""


def plural(one: str, many: str) -> tuple[str, str]:
    """Mark a text with ``{number}`` that has plural forms."""
    return one, many


SCRIPTS: dict[str, str | tuple[str, str]] = {
    "waiting": _("Not sent yet"),
    "queued": _("Waiting for the ones before it"),
    "sent_of": _("{sent} of {total} sent"),
    "sealing": _("Sent. Sealing…"),
    "cancelled": _("Cancelled; nothing was stored."),
    "make_link": _("Make a link"),
    "make_links": plural("Make {number} link", "Make {number} links"),
    "again": _("Try again"),
    "sending": _("Sending, {percent}"),
    "sending_of": _("Sending {number} of {count}, {percent}"),
    "about": _("{far}, about {time}"),
    "any_views": _("any number of views"),
    "with_password": _("with a password"),
    "keeps_metadata": _("with camera data"),
    "unreachable": _("The connection failed. The image is still here: try again."),
    "offline_delete": _("The connection failed. The image was not deleted; try again."),
    "not_an_image": _("{name} is no image that Mayfly takes: PNG, JPEG, GIF, WebP or AVIF."),
    "heic": _(
        "{name} is a HEIC photo, which this browser can't read."
        " Share or export it as JPEG from the gallery, and send that."
    ),
    "other_kind": _(
        "{name} is a kind of image that not every browser shows. Save it as JPEG or PNG and send that."
    ),
    "too_large": _("{name} is too large: {size}. The most is {most}."),
    "added": _("Added: {name}"),
    "link_ready": _("The link for {name} is ready."),
    "left": _("{time} left"),
    "minute_left": _("{name}: one minute left."),
    "gone": _("{name} is gone: nobody can open it any more."),
    "deleting": _("The image is deleted in 5 seconds."),
    "kept": _("Not deleted."),
    "deleted": _("Deleted. The link opens nothing any more."),
    "time_over": _("Gone. Nobody can open it any more."),
    "views_left": _("Views left: {number}"),
    "opened": _("Opened at {time}, views left: {number}"),
    "opened_once_more": _("Opened at {time}, 1 view left"),
    "last_view_used": _("Its last view was used at {time}. Nobody can open it any more."),
    "of_image": _("{name}: {text}"),
    "has_password": _("asks for its password"),
    "copied": _("Copied"),
    "copy_failed": _("Copying failed; select it and copy by hand."),
    "qr_of": _("QR code of the link for {name}"),
    "opened_of": _("{sent} of {total} opened"),
    "look_failed": _("The connection failed. Nothing was opened."),
    "open_failed": _(
        "The connection failed while the image was opened. If its views are limited, one may be used up."
    ),
    "last_view": _("That was its last view: the link opens nothing any more."),
    "wait": _("Too many attempts. Wait {time}."),
    "come_back": _("That is more than this server takes from one place at a time. Try again in {time}."),
    "zoom": _("Zoom: {percent}"),
    "image_open": _("The image is open."),
    "album": plural("One link for {number} image", "One link for {number} images"),
    "album_full": _("An album holds {most} images at most; the others stand beside it."),
    "qr_of_album": _("QR code of the one link for all of them"),
    "place": _("Image {number} of {count}"),
    "picture": _("Image {number}"),
    "picture_gone": _("Image {number}: gone"),
    "picture_cut": _("Image {number}: its link was cut off"),
    "picture_asks": _("Image {number}: opens at a click"),
    "album_most": _("An album holds {most} images at most; the others are not shown."),
    "saving": _("Saving image {number} of {count}"),
    "saved": _("Saved: {number} of {count}."),
    "left_out": _("Left out, since each opens only at its own click: {number}."),
    "few_browsers": _("Not every browser shows this kind of image."),
    "as_jpeg": _("It can be sent as JPEG:"),
    "making": _("Drawing the image anew…"),
    "not_redrawn": _(
        "This browser can't draw this image anew; it may be too large. Make it smaller, or use another browser."
    ),
    "redrawn": _("{kind}, {width} × {height}, without camera data"),  # noqa: RUF001 - the sign of sizes
    "boxes": _("black boxes: {number}"),
    "cropped": _("cropped"),
    "colours": _("colours as {space}"),
    "white": _("white where it was transparent"),
    "box": _("Black box {number}"),
    "box_added": _("Black box added."),
    "box_removed": _("Black box removed."),
    "box_at": _("Left {left}, top {top}, width {width}, height {height}"),
    "cut_off": _("{percent} cut off"),
    "changed": _("Changed."),
    "undone": _("Undone."),
}

ERRORS = {
    "bad_format": _("This image is not made into that format. Open it as it is."),
    "bad_lifetime": _("The server does not keep an image that long. Choose a shorter lifetime."),
    "bad_password": _("A password may have {most_bytes} bytes at most."),
    "bad_views": _("The number of views is a whole number from 1 to {most_views}."),
    "blocked": _("This image is blocked by whoever runs this server. Send another one."),
    "broken_image": _("The image is broken or incomplete."),
    "cross_site": _("Another site sent you here with a form. Open the page yourself and try again."),
    "database_away": _("The server can't reach its database at the moment. Try again in a few seconds."),
    "empty_image": _("There is no image. Choose one and try again."),
    "incomplete_body": _("The image did not arrive whole. Try again."),
    "internal_error": _("Mayfly made a mistake. Try again, and tell who runs it if it stays."),
    "link_cut": _(
        "Its last characters are missing. Copy it again as a whole, or ask whoever sent it to you."
    ),
    "method_not_allowed": _("This address answers nothing here."),
    "no_image": _("There is no image. Choose one and try again."),
    "not_an_image": _("This is no image that Mayfly takes: PNG, JPEG, GIF, WebP or AVIF."),
    "not_found": _("It never was, or its time is over."),
    "password_asked": _("This image asks for its password."),
    "password_wrong": _("That password is wrong. No view was counted."),
    "server_away": _("The server doesn't answer at the moment. Try again in a minute."),
    "storage_full": _("The storage is full until older images expire. Try again in a minute."),
    "uploads_off": _("Uploads are turned off at the moment by whoever runs this server. Try again later."),
    "client_quota": _(
        "As many images from your address are here as may be. Delete one, or come back when one has ended."
    ),
    "owner_quota": _(
        "As many images of your account are here as may be. Delete one, or come back when one has ended."
    ),
    "too_slow": _("The image came too slowly. Try again where the connection is better."),
    "too_busy": _("The server has too much to do at the moment. Try again in a few seconds."),
    "sandbox_missing": _("This server takes only PNG and JPEG at the moment."),
    "store_away": _("The server can't reach its database at the moment. Try again in a few seconds."),
    "too_large": _("The image is larger than the server takes."),
    "too_many_guesses": _("There were too many attempts at this image's password. Wait a moment."),
    "account_asked": _("This is for people with an account; log in first."),
    "upload_code_asked": _("This server asks for an upload code. Whoever runs it gives it out."),
    "upload_code_wrong": _("That upload code is not good here, or not any more."),
    "uploads_closed": _("Nobody can upload here at the moment. Images that are here can still be opened."),
    "registration_closed": _("This server opens no accounts."),
    "key_not_enough": _("An API key is not good for this. Log in first."),
    "too_many_keys": _("This account has as many API keys as it may. Delete one first."),
    "bad_cursor": _("That part of the list is not there. Begin with the newest image."),
    "login_refused": _("No account has this login and this password."),
    "name_taken": _("This login or this address has an account already."),
    "token_refused": _("The login is over. Log in again."),
    "too_many_logins": _("There were too many attempts at this login. Wait a moment."),
    "too_many_requests": _("That is more than this server takes from one place at a time."),
    "too_many_images": _("An upload may have {most_images} images at most. Send the others afterwards."),
    "too_many_pixels": _("The image has more pixels than the server takes."),
    "other": _("The server refused this."),
}

OF_NO_SCRIPT = {
    "bad_cursor",
    "key_not_enough",
    "link_cut",
    "login_refused",
    "name_taken",
    "registration_closed",
    "token_refused",
    "too_many_images",
    "too_many_keys",
    "too_many_logins",
}
"""Errors that no script of a page meets, since the pages know no accounts, look for what is cut off themselves and send
images one by one: they have a page of their own alone."""
OF_UPLOADS = {
    "account_asked",
    "bad_lifetime",
    "bad_password",
    "bad_views",
    "blocked",
    "broken_image",
    "client_quota",
    "empty_image",
    "incomplete_body",
    "no_image",
    "not_an_image",
    "owner_quota",
    "sandbox_missing",
    "storage_full",
    "too_large",
    "too_many_pixels",
    "too_slow",
    "upload_code_asked",
    "upload_code_wrong",
    "uploads_closed",
    "uploads_off",
}
"""Errors that only the scripts of the drop page meet."""

NUMBERS = {"most_bytes": MAX_PASSWORD_BYTES, "most_images": MAX_IMAGES, "most_views": MAX_VIEWS}
"""The placeholders in the texts of ERRORS."""
ALL_FORMS = 103
"""Whole numbers below this one have every plural form of the languages that we speak; Arabic has one for 100 to 102."""


def explain(code: str) -> str:
    """Return the sentence that a page shows for an error code, in the language of this request."""
    return translate(ERRORS[code]).format(**_numbers(locale()))


@cache
def _numbers(locale: Locale) -> dict[str, str]:
    return {name: format_decimal(number, locale=locale) for name, number in NUMBERS.items()}


def _said(text: str | tuple[str, str]) -> str | dict[str, str]:
    """A text in the language of this request; one that counts by the names that Intl.PluralRules has for its forms."""
    if isinstance(text, str):
        return translate(text)
    name = locale().plural_form
    return {name(number): translate_plural(*text, number) for number in range(ALL_FORMS)}


def page_words(page: str, names: frozenset[str]) -> Markup:
    """What the scripts of a page say by these names, in the language of this request, with units, as JSON."""
    unmet = OF_NO_SCRIPT if page == "drop" else OF_NO_SCRIPT | OF_UPLOADS
    words = {
        "language": language(),
        "sizes": SIZES,
        "words": {name: _said(text) for name, text in SCRIPTS.items() if name in names},
        "errors": {code: explain(code) for code in ERRORS if code not in unmet},
    }
    return htmlsafe_json_dumps(words, dumps=json.dumps, ensure_ascii=False, separators=(",", ":"))
