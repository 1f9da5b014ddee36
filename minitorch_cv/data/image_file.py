"""Pictures from files: turned as they are to be seen, in 8 bits, and no larger than a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .idx import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # Pillow's modes of more than 8 bits, all of them grey
WHITE_16 = ("PNG", "PPM", "JPEG2000")  # formats whose deep pixels Pillow brings to 0 ... 65,535
UNMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}
ORIENTATION = 0x112  # a tag of EXIF; those of TIFF are:
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, SIGNED = 0, 2
# What turns a picture of each orientation upright, by the name of Pillow's transposition.
TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
ADVICE = "scale them to 8 or 16 bits from black, 0, to white, or to floats from 0 to 1"


def load_image(path: str, mode: str) -> Image:
    """The picture in a file, read to its end, in a mode of Pillow's ("L", "RGB"), turned as its EXIF data say.

    Grey of more than 8 bits is scaled to 8: whole numbers from 0, black, to 2^bits - 1, white, and floats from 0 to 1,
    each to the nearest of 0 ... 255; of colours of 16 bits Pillow takes the upper 8. Transparency is left out: the
    colours are those beneath it.

    DataError for a file that cannot be read; for one whose levels have no certain place in 0 ... 255: floats that are
    not from 0 to 1, signed numbers, numbers of 32 bits; and, before it is unpacked, for one with more pixels than
    PIL.Image.MAX_IMAGE_PIXELS.
    """
    from PIL import Image

    try:
        # The file is opened here because Pillow, where it does so, maps it: a TIFF that lies on its side with the
        # wrong length of rows (Pillow 13.0).
        with open(path, "rb") as file, Image.open(file) as image:
            refuse_huge(image.size, path)
            image.load()
            turn = TURNS.get(orientation(image))
            shallow = in_mode(image, mode, path)
        return shallow if turn is None else shallow.transpose(Image.Transpose[turn])
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: {error} {how_to_lift(Image.MAX_IMAGE_PIXELS)}") from error
    except Exception as error:  # broken files make Pillow raise errors of many types
        reason = f"{type(error).__name__}: {error}"
        raise DataError(f"{path}: cannot be read as an image ({reason}); replace the file or delete it") from error


def refuse_huge(size: tuple[int, int], path: str) -> None:
    """DataError for more pixels than Pillow warns of: a few bytes of a PNG can unpack to gigabytes."""
    from PIL import Image

    limit, (width, height) = Image.MAX_IMAGE_PIXELS, size
    if limit is not None and width * height > limit:
        raise DataError(f"{path}: has {width:,} x {height:,} pixels. {how_to_lift(limit)}")


def how_to_lift(limit: int | None) -> str:
    """What the limit of pixels is, and how to read a larger picture."""
    return (
        f"At most {limit:,} are read, so that a small file cannot fill the memory; scale the picture down, or set "
        "PIL.Image.MAX_IMAGE_PIXELS to a larger number, or None, if you trust the file"
    )


def orientation(image: Image) -> Any:
    """The EXIF orientation of a loaded picture, 1 (upright) where none can be read and for TIFF, which Pillow turns."""
    try:
        return 1 if image.format == "TIFF" else image.getexif().get(ORIENTATION, 1)
    except Exception:  # damage beside the pixels is no reason to lose them
        return 1


def in_mode(image: Image, mode: str, path: str) -> Image:
    """A loaded picture in a mode of Pillow's, without its transparency."""
    if image.mode == mode in DEEP:
        return image
    if tag(image, SAMPLE_FORMAT) == SIGNED:
        raise DataError(f"{path}: its pixels are signed numbers, of which none is black for certain; {ADVICE}")
    if image.mode in DEEP:
        return eight_bits(image, path).convert(mode)
    if image.mode == mode:
        return image
    image.info.pop("transparency", None)  # for which Pillow would look for a colour in the new mode
    divided = image.convert(UNMULTIPLIED[image.mode]) if image.mode in UNMULTIPLIED else image
    return divided.convert(mode)


def eight_bits(image: Image, path: str) -> Image:
    """A grey picture of more than 8 bits, scaled to 0 ... 255; DataError where its levels have no certain place there.

    Pillow's own conversion turns every level above 255 into 255.
    """
    from PIL import Image

    white = white_level(image, path)
    levels = np.asarray(image)
    if not ((levels >= 0) & (levels <= white)).all():  # NaN is neither
        raise DataError(f"{path}: its levels go from {levels.min()} to {levels.max()}, not from 0 to {white}; {ADVICE}")
    scaled = np.rint(levels.astype(np.float32) * np.float32(255 / white)).astype(np.uint8)
    return Image.fromarray(255 - scaled if tag(image, PHOTOMETRIC) == WHITE_IS_ZERO else scaled)


def white_level(image: Image, path: str) -> int:
    """Which number is white in a grey picture of more than 8 bits; DataError where that is not certain."""
    if image.mode == "F":
        return 1
    if image.format in WHITE_16:
        return 2**16 - 1
    if image.mode == "I" or image.format != "TIFF":
        raise DataError(
            f"{path}: no {image.format} file of mode {image.mode} says which of its numbers is white; {ADVICE}"
        )
    return 2 ** tag(image, BITS_PER_SAMPLE) - 1


def tag(image: Image, number: int) -> Any:
    """A tag of a TIFF, the first number where it has several; None for other formats and where it is missing."""
    value = getattr(image, "tag_v2", {}).get(number)
    return value[0] if isinstance(value, tuple) else value
