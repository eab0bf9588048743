"""Getting the image out of a multipart body: `python -m benchmarks.micro.parse`."""

import io
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from multipart import MultipartParser, PushMultipartParser
from werkzeug.formparser import FormDataParser

from benchmarks.images import SIZES, noise_jpeg
from benchmarks.load import BOUNDARY, multipart
from benchmarks.micro import Step, interleaved, print_rows

PIECE = 256 * 1024


def werkzeug(body: bytes) -> object:
    images: list[io.BytesIO] = []

    def in_memory(**_: object) -> io.BytesIO:
        images.append(io.BytesIO())
        return images[-1]

    FormDataParser(stream_factory=cast("Any", in_memory)).parse(
        io.BytesIO(body), "multipart/form-data", len(body), {"boundary": BOUNDARY}
    )
    return images[0].getbuffer()


def multipart_push(body: bytes, piece: int = PIECE) -> object:
    image = bytearray()
    with PushMultipartParser(BOUNDARY, max_segment_size=1 << 26) as parser:
        for start in range(0, len(body), piece):
            for event in parser.parse(body[start : start + piece]):
                if isinstance(event, bytes | bytearray):
                    image += event
        parser.close()
    return image


def multipart_whole(body: bytes) -> object:
    most = 1 << 26
    parser = MultipartParser(
        io.BytesIO(body), BOUNDARY, buffer_size=PIECE, part_limit=most, memory_limit=most, spool_limit=most
    )
    return parser.get("file").raw


def python_multipart(body: bytes) -> object:
    import python_multipart as library

    image = bytearray()
    parser = library.MultipartParser(
        BOUNDARY, {"on_part_data": lambda data, start, end: image.extend(memoryview(data)[start:end])}
    )
    for start in range(0, len(body), PIECE):
        parser.write(body[start : start + PIECE])
    parser.finalize()
    return image


def streaming_form_data(body: bytes) -> object:
    from streaming_form_data import StreamingFormDataParser
    from streaming_form_data.targets import ValueTarget

    target = ValueTarget()
    parser = StreamingFormDataParser({"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    parser.register("file", target)
    for start in range(0, len(body), PIECE):
        parser.data_received(body[start : start + PIECE])
    return target.value


def slicing(body: bytes) -> memoryview:
    """Every part's place by `find`; the image is a view, and nothing is copied."""
    delimiter, view, parts = b"\r\n--" + BOUNDARY.encode(), memoryview(body), []
    at = body.index(delimiter[2:]) + len(delimiter) - 2
    while body[at : at + 2] == b"\r\n":
        start = body.index(b"\r\n\r\n", at) + 4
        at = body.index(delimiter, start)
        parts.append((body[at:start], view[start:at]))
        at += len(delimiter)
    return parts[0][1]


def gathered(body: bytes) -> object:
    """The slicing one after the body has been gathered from pieces into one buffer, as a server hands it over."""
    whole, place = bytearray(len(body)), 0
    view = memoryview(whole)
    for start in range(0, len(body), PIECE):
        piece = body[start : start + PIECE]
        view[place : place + len(piece)] = piece
        place += len(piece)
    delimiter = b"\r\n--" + BOUNDARY.encode()
    start = whole.index(b"\r\n\r\n") + 4
    return view[start : whole.rindex(delimiter)]


WAYS: dict[str, Callable[[bytes], Any]] = {
    "Werkzeug, in memory": werkzeug,
    "multipart, PushMultipartParser, 256 KB": multipart_push,
    "multipart, PushMultipartParser, 64 KB": lambda body: multipart_push(body, 65536),
    "multipart, PushMultipartParser, 1 MB": lambda body: multipart_push(body, 1 << 20),
    "multipart, MultipartParser": multipart_whole,
    "python-multipart": python_multipart,
    "streaming-form-data (Cython)": streaming_form_data,
    "slicing a gathered body": gathered,
    "slicing one bytes object": slicing,
}


def main() -> None:
    rows: dict[str, list[str]] = {name: [] for name in WAYS}
    for size in SIZES.values():
        image = noise_jpeg(size)
        body = multipart(image, "/upload").partition(b"\r\n\r\n")[2]
        for name, way in WAYS.items():
            if bytes(way(body)) != image:
                raise SystemExit(f"{name} found another image")
        steps: dict[str, Step] = {name: partial(way, body) for name, way in WAYS.items()}
        for name, took in interleaved(steps, 0.4).items():
            rows[name].append(f"{took:.2f}")
    for name, way in WAYS.items():
        tracemalloc.start()
        result = way(body)
        rows[name].append(f"{tracemalloc.get_traced_memory()[1] / 1e6:.0f}")
        tracemalloc.stop()
        del result
    print_rows("ms", [*SIZES, "peak MB at 10 MB"], rows)


if __name__ == "__main__":
    main()
