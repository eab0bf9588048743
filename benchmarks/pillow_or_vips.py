"""Pillow beside pyvips on the conversions Mayfly does, each job in a process of its own.

Needs `pip install pyvips pyvips-binary`.
Run `python -m benchmarks.pillow_or_vips`; prints milliseconds (best of three) and the peak of memory.
"""

import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from tests.imaging.samples import IMAGES, moving, save

JOBS = [
    ("jpeg 12 Mpx", "webp", None),
    ("jpeg 12 Mpx", "png", None),
    ("jpeg 12 Mpx", "jpeg", 1024),
    ("jpeg 12 Mpx", "webp", 1024),
    ("png 12 Mpx", "jpeg", None),
    ("png 12 Mpx", "webp", 1024),
    ("webp 12 Mpx", "jpeg", 1024),
    ("avif 12 Mpx", "jpeg", 1024),
    ("jpeg 0.2 Mpx", "png", None),
    ("gif 30 frames", "webp", None),
]


def source(name: str) -> bytes:
    if name.startswith("gif"):
        first, *rest = [frame.resize((480, 320)) for frame in moving("RGB", 30)]
        return save(first, "GIF", save_all=True, append_images=rest, duration=50)
    with Image.open(IMAGES / "flower.jpg") as flower:
        if "0.2" in name:
            return save(flower, "JPEG", quality=90)
        large = flower.resize((4000, 3000), Image.Resampling.BICUBIC)
    noise = Image.effect_noise(large.size, 12).convert("RGB")
    photo = Image.blend(large, noise, 0.08)
    options = {"jpeg": {"quality": 88}, "avif": {"speed": 10}, "webp": {"method": 0}}
    form = name.split()[0]
    return save(photo, form.upper(), **options.get(form, {}))


def with_pillow(data: bytes, name: str, to: str, width: int | None) -> bytes:
    from imaging.sandbox.protocol import Convert
    from imaging.sandbox.rendering import render

    frames = 30 if "frames" in name else 1
    with Image.open(io.BytesIO(data)) as image:
        size = (width, image.height * width // image.width) if width else image.size
    return render(Convert(f"image/{name.split()[0]}", to.upper(), *size, frames, 1 << 28), data)


def with_vips(data: bytes, name: str, to: str, width: int | None) -> bytes:
    import pyvips

    pyvips.cache_set_max(0)
    options = "n=-1" if "frames" in name else ""
    if width:
        image = pyvips.Image.thumbnail_buffer(data, width, size="down", option_string=options)
    else:
        image = pyvips.Image.new_from_buffer(data, options).autorot()
    saving = {"webp": "[Q=80,effort=2]", "png": "[compression=1]", "jpeg": "[Q=85]"}
    return bytes(image.write_to_buffer("." + to + saving[to]))


def child(library: str, number: int) -> None:
    name, to, width = JOBS[number]
    data = sys.stdin.buffer.read()
    work = with_vips if library == "vips" else with_pillow
    took = []
    for _ in range(3):
        started = time.perf_counter()
        out = work(data, name, to, width)
        took.append(time.perf_counter() - started)
    peak = int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024
    with Image.open(io.BytesIO(out)) as image:
        assert width in (None, image.width)
    print(json.dumps([min(took) * 1000, peak, len(out)]))


def main() -> None:
    print(f"{'job':32}{'Pillow ms':>10}{'MB':>6}{'KB out':>8}{'vips ms':>10}{'MB':>6}{'KB out':>8}")
    for number, (name, to, width) in enumerate(JOBS):
        data, figures = source(name), []
        for library in ("pillow", "vips"):
            command = [sys.executable, "-m", "benchmarks.pillow_or_vips", library, str(number)]
            done = subprocess.run(command, input=data, capture_output=True, check=True)
            milliseconds, peak, size = json.loads(done.stdout)
            figures.append(f"{milliseconds:10.0f}{peak:6.0f}{size // 1024:8}")
        print(f"{name + ' to ' + to + (f' {width}' if width else ''):32}{''.join(figures)}", flush=True)


if __name__ == "__main__":
    child(sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 1 else main()
