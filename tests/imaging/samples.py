"""Real pictures, and the kinds no file of ours shows, made by Pillow from them."""

import io
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

IMAGES = Path(__file__).parents[1] / "images"
SECRET = "Alice lives at 12 Mill Lane"
XMP = (
    "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
    "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description xmlns:dc='http://purl.org/dc/"
    f"elements/1.1/'><dc:creator>{SECRET}</dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
    "<?xpacket end='w'?>"
).encode()


def read(name: str) -> bytes:
    """Return one of the real files."""
    return (IMAGES / name).read_bytes()


def picture(mode: str = "RGB", width: int = 96, height: int = 64) -> Image.Image:
    """Return a photograph, not square, so that a turn shows."""
    with Image.open(IMAGES / "hopper.png") as image:
        return image.convert("RGB").resize((width, height)).convert(mode)


def transparent(width: int = 96, height: int = 64) -> Image.Image:
    image = picture("RGB", width, height).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((width, height)))
    return image


def exif(orientation: int = 1) -> bytes:
    """Return Exif with a camera, an author, a place, a maker note and the orientation."""
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "Maker of cameras"
    block[0x013B] = SECRET
    block.get_ifd(0x8769)[0x927C] = b"maker note of " + SECRET.encode()
    place = block.get_ifd(0x8825)
    place[1], place[2] = "N", (52.0, 31.0, 12.0)
    place[3], place[4] = "E", (13.0, 24.0, 18.0)
    return block.tobytes()


@cache
def profile() -> bytes:
    """Return one profile for all: each one that is made says in which second."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def save(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def moving(mode: str = "RGB", count: int = 4) -> list[Image.Image]:
    return [picture(mode).rotate(30 * turn) for turn in range(count)]


def _animated(form: str, mode: str = "RGB", **options: Any) -> bytes:
    first, *rest = moving(mode)
    return save(first, form, save_all=True, append_images=rest, duration=80, **options)


@cache
def samples() -> dict[str, bytes]:
    """Return every accepted picture by name: real ones, then made ones that carry all we remove."""
    found = {path.name: path.read_bytes() for path in sorted(IMAGES.iterdir()) if _whole(path.name)}
    everything: dict[str, Any] = {"exif": exif(), "xmp": XMP, "icc_profile": profile()}
    found |= {
        "progressive.jpg": save(picture(), "JPEG", progressive=True, comment=SECRET, **everything),
        "cmyk.jpg": save(picture("CMYK"), "JPEG", comment=SECRET),
        "grey.jpg": save(picture("L"), "JPEG", **everything),
        "thumbnail.jpg": with_thumbnail(save(picture(), "JPEG", **everything)),
        "two_in_one.jpg": save(picture(), "MPO", save_all=True, append_images=[picture("L")]),
        "trailing.jpg": save(picture(), "JPEG") + b"PK\x03\x04" + SECRET.encode(),
        "palette.png": save(picture("P"), "PNG", exif=exif(6)),
        "alpha.png": save(transparent(), "PNG", exif=exif(), icc_profile=profile()),
        "animated.png": _animated("PNG", exif=exif()),
        "animated.gif": _animated("GIF", "P", comment=SECRET, loop=0),
        "lossless.webp": save(transparent(), "WEBP", lossless=True),
        "metadata.webp": save(picture(), "WEBP", **everything | {"exif": exif(8)}),
        "animated.webp": _animated("WEBP", **everything, loop=2),
        "metadata.avif": save(transparent(), "AVIF", **everything),
        "turned.avif": save(picture(), "AVIF", exif=exif(6)),
        "animated.avif": _animated("AVIF", **everything),
    }
    return found | {
        f"orientation{n}.jpg": save(picture(), "JPEG", exif=exif(n), xmp=XMP) for n in range(1, 9)
    }


def _whole(name: str) -> bool:
    return not name.startswith(("broken", "decompression", "README"))


def with_thumbnail(jpeg: bytes) -> bytes:
    """Add a JFXX thumbnail and IPTC behind JFIF, as cameras and editors do."""
    small = save(picture(width=16, height=12), "JPEG")
    caption = b"\x1c\x02\x78" + len(SECRET).to_bytes(2, "big") + SECRET.encode()
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(caption).to_bytes(4, "big") + caption + b"\0"
    extra = _segment(0xE0, b"JFXX\0\x10" + small) + _segment(0xED, iptc)
    return jpeg[:20] + extra + jpeg[20:]


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body
