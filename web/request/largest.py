"""The largest body of each route, looked up before Flask runs and before the body is received."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from flask import Flask

from web.description.operation import BodyHolds, operation_of
from web.request.body import ENVELOPE_BYTES, MAX_FIELD_BYTES, encoded_size


def largest_body(app: Flask, max_image_bytes: int) -> Callable[[str, str], int]:
    """Return what tells how many bytes the body of a request may have, from its method and path.

    A path that is no route by itself has the largest size of the method's routes whose path has a variable part.
    """
    sizes: dict[BodyHolds, int] = {
        "image": max_image_bytes + ENVELOPE_BYTES,
        "base64": encoded_size(max_image_bytes) + ENVELOPE_BYTES,
        "fields": MAX_FIELD_BYTES,
    }
    fixed: dict[tuple[str, str], int] = {}
    variable: dict[str, int] = defaultdict(lambda: MAX_FIELD_BYTES)
    for rule in app.url_map.iter_rules():
        operation = operation_of(app.view_functions[rule.endpoint])
        size = sizes[operation.body.holds] if operation and operation.body else MAX_FIELD_BYTES
        for method in rule.methods or ():
            if rule.arguments:
                variable[method] = max(variable[method], size)
            else:
                fixed[method, rule.rule] = size
    by_method = dict(variable)

    def largest(method: str, path: str) -> int:
        return fixed.get((method, path)) or by_method.get(method, MAX_FIELD_BYTES)

    return largest
