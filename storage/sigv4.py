"""Signs requests by AWS Signature Version 4, in their headers.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from hashlib import sha256
from urllib.parse import quote

from storage.settings import BucketSettings

UNSIGNED = "UNSIGNED-PAYLOAD"
"""Stands for the body's SHA-256, which is not known in time: bytes are sealed while they are sent. The seal itself is
authenticated, so an open notices a changed byte."""


def query_of(query: Mapping[str, str]) -> str:
    """Write a query string in its canonical form: sorted, and with all but unreserved characters escaped (RFC 3986)."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def signature_headers(
    settings: BucketSettings, method: str, host: str, path: str, query: Mapping[str, str], at: datetime
) -> dict[str, str]:
    """Return the headers that sign a request; ``path`` is escaped already, ``at`` is the time in UTC."""
    day, moment = f"{at:%Y%m%d}", f"{at:%Y%m%dT%H%M%SZ}"
    parts = (day, settings.region, "s3", "aws4_request")
    headers = {"host": host, "x-amz-content-sha256": UNSIGNED, "x-amz-date": moment}
    names, lines = ";".join(headers), "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join((method, path, query_of(query), lines, names, UNSIGNED))
    digest = sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(("AWS4-HMAC-SHA256", moment, "/".join(parts), digest))
    secret = b"AWS4" + settings.secret_key.encode()
    key = reduce(lambda key, part: hmac.digest(key, part.encode(), "sha256"), parts, secret)
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={settings.access_key}/{'/'.join(parts)},"
        f"SignedHeaders={names},Signature={hmac.digest(key, to_sign.encode(), 'sha256').hex()}"
    )
    return headers
