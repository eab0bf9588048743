"""Which function is which step, and what bounds it. A name that is gone, or never called, ends the run."""

from __future__ import annotations

UPLOAD = {
    "web.body:read_body": "parse",
    "imaging:examine": "examine",
    "services.wishes:details_of": "digest",
    "crypto.row_seal:RowSeal.seal": "keys",
    "crypto.fernet:seal_pieces": "seal",
    "models:now": "clock",
    "storage:RowStore.put": "copy",
}
OPEN = {
    "storage:find_living": "read",
    "crypto.row_seal:SealedDetails.of": "keys",
    "crypto.row_seal:SealedDetails.open": "keys",
    "storage:RowStore.fetch": "read",
    "crypto.fernet:open_sealed": "open",
    "web.answers:image_response": "answer",
}
RECEIVE, COMMIT, REST, SEND = "receive", "commit", "rest", "send"
"""Reading the body; waiting for PostgreSQL after the last byte; Flask and all else; outside the application."""

BOUNDS = {
    "receive": "granian hands the body over: a copy of the socket's bytes",
    "parse": "a scan for the boundary and one copy into the image's buffer: memory",
    "examine": "a scan of the container for its markers: memory, and Python a marker; one copy where something goes",
    "digest": "SHA-256",
    "keys": "HKDF and the details' own seal: Python",
    "seal": "AES-CBC, which is serial, then HMAC-SHA256: the two in a row",
    "clock": "one round trip",
    "copy": "libpq's buffer, the socket, and PostgreSQL, which writes rows and WAL meanwhile",
    "commit": "PostgreSQL: rows still to be written, then fsync of the WAL",
    "read": "one round trip, above 256 KiB two; PostgreSQL putting rows together, and two copies in libpq and psycopg2",
    "open": "HMAC-SHA256 of the whole first, then AES-CBC (parallel within a core)",
    "answer": "Python, and one copy of the image; above 1 MiB that is made as it is sent",
    "rest": "Python: Flask, routing, pool, headers, JSON",
    "send": "granian, the socket and the client, outside the application",
}
