"""The forms of an answer: an upload as JSON or text, an image with its headers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from flask import Response, current_app, request
from werkzeug import http
from werkzeug.datastructures import Headers

from services import Details, ImageInfo, Receipt, Standing
from web.answer.accepted import best_of
from web.answer.headers import NOTHING, CompleteHeaders, completed
from web.answer.schemas import DescribedAnswer, ReceiptAnswer, ReceiptsAnswer, StandingAnswer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PIECE_BYTES = 512 * 1024
LAST_BYTES = 256 * 1024
LAST_PIECES = 5
"""The server takes four pieces without telling when they are out: the last part goes in small ones, and so it tells."""
IMAGE_HEADERS = completed(
    (
        ("Cache-Control", "no-store"),
        ("Accept-Ranges", "none"),  # an image is read and checked whole
        ("Referrer-Policy", "no-referrer"),
        ("X-Robots-Tag", "noindex"),
        # Whatever a browser takes these bytes for, they may not run as a page of this origin.
        ("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
        # Who has the link may show the image on a page of their own.
        ("Cross-Origin-Resource-Policy", "cross-origin"),
    )
)
RECEIPT_HEADERS = completed((("Cache-Control", "no-store"), ("Content-Security-Policy", NOTHING)))
DESCRIPTION_BYTES = 2000
"""What of a description a header holds: proxies keep 4 KB for all headers of an answer."""
_PLAIN_NAME = re.compile(r"\w[\w. ()+,=@~-]*", re.ASCII)
"""A file name that every client can read, in the quotes of a header."""
READABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
TEXT = "text/plain"
JSON = "application/json"


def wants_text(default: str) -> bool:
    """Tell by ``Accept`` whether an answer is to be text; ``default`` is for a client that takes either."""
    return best_of((default, JSON if default == TEXT else TEXT)) == TEXT


@lru_cache(1024)
def http_date(second: int) -> str:
    """Write seconds since 1970 as HTTP does; many images end in the same second."""
    return http.http_date(second)


def iso_time(seconds: float) -> str:
    """Write seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class CompleteResponse(Response):
    """An answer whose headers are complete: werkzeug would copy them to add a length and mend a Location."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Begin the answer with the headers as they are, and return its body as it is."""
        start_response(self.status, list(self.headers))
        return () if environ["REQUEST_METHOD"] == "HEAD" else cast("Iterable[bytes]", self.response)


def receipt_response(receipt: Receipt, base_url: str, default: str) -> Response:
    """Answer an upload: 201 with everything about the image, or its URL alone as text."""
    image_url = f"{base_url}/image/{receipt.link}"
    if wants_text(default):
        response = _created(image_url, TEXT)
    else:
        response = _created(_json(receipt_fields(receipt, base_url)), JSON)
    return note_receipt(response, receipt, image_url)


def _created(text: str, media_type: str) -> Response:
    return CompleteResponse(f"{text}\n", 201, CompleteHeaders(RECEIPT_HEADERS), media_type)


def _json(fields: ReceiptAnswer | ReceiptsAnswer) -> str:
    return current_app.json.dumps(fields, separators=(",", ":"))


def receipts_response(receipts: list[Receipt], base_url: str, default: str) -> Response:
    """Answer an upload of several images: 201 with a receipt each and the album's URL, or their own URLs as text."""
    album = album_url(receipts, base_url)
    if wants_text(default):
        response = _created("\n".join(f"{base_url}/image/{receipt.link}" for receipt in receipts), TEXT)
    else:
        images = [receipt_fields(receipt, base_url) for receipt in receipts]
        response = _created(_json(ReceiptsAnswer(status="success", images=images, url=album)), JSON)
    for receipt in receipts:
        note_receipt(response, receipt, album)
    return response


def album_url(receipts: list[Receipt], base_url: str) -> str:
    """Write the one share URL of several images, which is that of one if there is but one."""
    return f"{base_url}/s#{'.'.join(receipt.link for receipt in receipts)}"


def note_receipt(response: Response, receipt: Receipt, location: str) -> Response:
    """Put the image key, the link and the expiry into headers, so that every form of the answer has them."""
    response.headers.add("Image-Key", receipt.image_key)
    response.headers["Sunset"] = http_date(receipt.expires_at)
    response.headers["Location"] = location
    return response


def receipt_fields(receipt: Receipt, base_url: str) -> ReceiptAnswer:
    """Tell an uploader everything about the image."""
    details = _details(receipt)
    return {
        "status": "success",
        "hash": receipt.link,
        "image_id": receipt.link,
        "image_key": receipt.image_key,
        "url": f"{base_url}/s#{receipt.link}",
        "image_url": f"{base_url}/image/{receipt.link}",
        "content_type": details.content_type,
        "filename": details.filename,
        "size": receipt.size,
        "width": details.width,
        "height": details.height,
        "frames": details.frames,
        "sha256": details.sha256,
        "created_at": iso_time(receipt.created_at),
        "expires_at": iso_time(receipt.expires_at),
        "expires_in": receipt.expires_at - receipt.created_at,
        "views_left": receipt.views_left,
        "dropped": list(receipt.dropped),
    }


def described(image: Receipt) -> DescribedAnswer:
    """Describe an image to the holder of its image key; what its password hides is left out, and what is gone."""
    told: DescribedAnswer = {
        "status": "success",
        "image_id": image.link,
        "image_key": image.image_key,
        "created_at": iso_time(image.created_at),
        "expires_at": iso_time(image.expires_at),
        "views_left": image.views_left,
        "opened_at": _times(image.opened_at),
    }
    if image.used_up:
        return told
    told["size"] = image.size
    if image.details is None:
        return {**told, "password": True}
    return cast("DescribedAnswer", told | asdict(image.details))


def standing_fields(standing: Standing) -> StandingAnswer:
    """Describe the state of an image: alive, used up, opened when."""
    return {
        "expires_in": standing.seconds_left,
        "views_left": standing.views_left,
        "opened_at": _times(standing.opened_at),
    }


def _times(moments: tuple[int, ...] | None) -> list[str] | None:
    return None if moments is None else [iso_time(moment) for moment in moments]


def _details(image: ImageInfo) -> Details:
    if image.details is None:
        raise ValueError("an image whose details a password hides can't be answered")
    return image.details


def image_response(image: ImageInfo, data: bytes | bytearray, disposition: str = "inline") -> Response:
    """Answer with an image's bytes."""
    request.environ["mayfly.expires_at"] = image.expires_at  # when an answer under way ends
    return CompleteResponse(_pieces(data), headers=_image_headers(image, disposition, len(data)))


def head_response(image: ImageInfo, size: int | None) -> Response:
    """Answer a HEAD without doing the work of a GET (RFC 9110, 9.3.2); ``None`` is a size that isn't known then."""
    return CompleteResponse(iter(()), headers=_image_headers(image, "inline", size))


def _image_headers(image: ImageInfo, disposition: str, size: int | None) -> Headers:
    details, headers = _details(image), CompleteHeaders(IMAGE_HEADERS)
    headers.add("Content-Type", details.content_type)
    headers.add("Content-Disposition", content_disposition(disposition, details.filename))
    headers.add("Sunset", http_date(image.expires_at))
    if image.views_left is not None:
        headers.add("Views-Left", str(image.views_left))
    if details.description:
        headers.add("Image-Description", header_text(details.description))
    if size is not None:
        headers.add("Content-Length", str(size))
    return headers


def header_text(text: str) -> str:
    """Write a text as a header: UTF-8, percent-encoded where it is not ASCII; a long one is cut and ends in …."""
    written = ""
    for character in text:
        piece = quote(character, safe=READABLE, errors="replace")
        if len(written) + len(piece) > DESCRIPTION_BYTES:
            return written + quote("…")
        written += piece
    return written


def _pieces(data: bytes | bytearray) -> Iterable[bytes]:
    """Return a small image as it is, and a larger one as pieces, so that only one piece is copied at a time."""
    if len(data) <= LAST_BYTES:
        return [cast("bytes", data)]  # granian takes a bytearray as well
    view = memoryview(data)
    last = len(view) - LAST_BYTES
    starts = [*range(0, last, PIECE_BYTES), *range(last, len(view), LAST_BYTES // LAST_PIECES + 1)]
    return (bytes(view[start:end]) for start, end in pairwise([*starts, len(view)]))


def content_disposition(kind: str, filename: str) -> str:
    """Write a Content-Disposition (RFC 6266): a plain file name that every client can read, the true one beside it."""
    if _PLAIN_NAME.fullmatch(filename):
        return f'{kind}; filename="{filename}"'
    stem, dot, ending = filename.rpartition(".") if "." in filename else (filename, "", "")
    plain = (_plain(stem).lstrip(". ") or "image") + dot + _plain(ending)
    header = f'{kind}; filename="{plain}"'
    return header if plain == filename else f"{header}; filename*=UTF-8''{quote(filename, safe='')}"


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^\w. ()+,=@~-]", "_", plain)
