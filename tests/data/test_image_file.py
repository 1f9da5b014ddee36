"""Pictures from files: levels of more than 8 bits, EXIF orientation, what is refused, and how much memory is taken."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from minitorch_cv.data import DataError, ImageFolder
from minitorch_cv.data.image_file import load_image

from .memory import at_most

RAMP = np.linspace(0, 1, 64).reshape(8, 8)  # from black to white
BYTES = np.rint(RAMP * 255).astype(np.uint8)


def pixels(path, mode="L"):
    """What is read from the file, as an array."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.asarray(load_image(str(path), mode))


def write_tiff(path, array, **tags):
    """A TIFF of one uncompressed strip, with these tags besides the usual ones, as no writer of Pillow's makes it."""
    order = "<" if array.dtype.byteorder in "<=|" else ">"
    data = array.tobytes()
    values = {
        256: array.shape[1],
        257: array.shape[0],
        258: 8 * array.itemsize,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: array.shape[0],
        279: len(data),
        339: {"u": 1, "i": 2, "f": 3}[array.dtype.kind],
    }
    values |= {int(name[1:]): value for name, value in tags.items()}
    table = b"".join(entry(order, number, values[number]) for number in sorted(values))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(data))
    path.write_bytes(head + data + struct.pack(f"{order}H", len(values)) + table + bytes(4))


def entry(order, number, value):
    """A tag of a TIFF with one number of 16 bits, or two."""
    numbers = value if isinstance(value, tuple) else (value,)
    return struct.pack(f"{order}HHI", number, 3, len(numbers)) + struct.pack(f"{order}2H", *(*numbers, 0)[:2])


def write_png(path, width, height, depth, colour, rows):
    """A PNG of these rows of bytes, with a filter of 0 each."""
    packed = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    framed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))


def twelve_bits(levels):
    """Two numbers of 12 bits in three bytes each, as a TIFF has them."""
    first, second = levels.reshape(-1, 2).astype(np.uint16).T
    return np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 1).astype(np.uint8)


DEEP = {
    "16-bit.png": lambda path: Image.fromarray(np.rint(RAMP * 65535).astype("u2")).save(path),
    "16-bit.tif": lambda path: Image.fromarray(np.rint(RAMP * 65535).astype("u2")).save(path),
    "16-bit-lzw.tiff": lambda path: Image.fromarray(np.rint(RAMP * 65535).astype("u2")).save(
        path, compression="tiff_lzw"
    ),
    "big-endian.tif": lambda path: write_tiff(path, np.rint(RAMP * 65535).astype(">u2")),
    "12-bit.tif": lambda path: write_tiff(path, twelve_bits(np.rint(RAMP * 4095)), _256=8, _257=8, _258=12, _278=8),
    "white-is-zero.tif": lambda path: write_tiff(path, np.rint((1 - RAMP) * 65535).astype("<u2"), _262=0),
    "float.tif": lambda path: Image.fromarray(RAMP.astype("f4")).save(path),
    "float-big-endian.tif": lambda path: write_tiff(path, RAMP.astype(">f4")),
    "float-white-is-zero.tif": lambda path: write_tiff(path, (1 - RAMP).astype("<f4"), _262=0),
    "16-bit.pgm": lambda path: path.write_bytes(b"P5 8 8 65535\n" + np.rint(RAMP * 65535).astype(">u2").tobytes()),
    "10-bit.pgm": lambda path: path.write_bytes(b"P5 8 8 1023\n" + np.rint(RAMP * 1023).astype(">u2").tobytes()),
    "text.pgm": lambda path: path.write_text(
        "P2 8 8 4095\n" + " ".join(str(round(level * 4095)) for level in RAMP.flat)
    ),
    "8-bit.pgm": lambda path: path.write_bytes(b"P5 8 8 255\n" + BYTES.tobytes()),
}


@pytest.mark.parametrize("name", DEEP)
def test_levels_are_kept_as_the_nearest_of_256(tmp_path, name):
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / name
    DEEP[name](path)
    np.testing.assert_array_equal(pixels(path), BYTES)
    np.testing.assert_array_equal(pixels(path, "RGB"), np.stack([BYTES] * 3, -1))
    images, _ = ImageFolder(tmp_path, mode="L").fetch_batch([0])
    np.testing.assert_array_equal(images.numpy()[0, 0], BYTES / np.float32(255))


def test_every_level_of_16_bits_goes_to_the_nearest_of_8(tmp_path):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(levels).save(tmp_path / "x.png")
    np.testing.assert_array_equal(pixels(tmp_path / "x.png"), (levels.astype(int) + 128) // 257)


def test_16_bit_colours_and_grey_with_transparency(tmp_path):
    colours = np.arange(6, dtype=">u2") * 257 * 50
    write_png(tmp_path / "rgb.png", 2, 1, 16, 2, [colours.tobytes()])
    assert pixels(tmp_path / "rgb.png", "RGB").tolist() == [[[0, 50, 100], [150, 200, 250]]]
    write_png(tmp_path / "la.png", 2, 1, 16, 4, [np.array([257 * 9, 5, 257 * 200, 65535], ">u2").tobytes()])
    assert pixels(tmp_path / "la.png").tolist() == [[9, 200]]


def palette(path, transparency):
    image = Image.fromarray(np.array([[0, 1, 2, 1]], np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 200, 100, 0, 255, 255, 255])
    image.save(path, transparency=transparency)


def test_palettes_with_transparency_keep_the_colours_beneath(tmp_path):
    for i, transparency in enumerate([1, b"\x00\x80\xff"]):
        path = tmp_path / f"{i}.png"
        palette(path, transparency)
        assert pixels(path, "RGB").tolist() == [[[10, 20, 30], [200, 100, 0], [255, 255, 255], [200, 100, 0]]]


@pytest.mark.parametrize(
    ("name", "mode", "value", "rgb", "grey"),
    [
        ("x.png", "1", 1, (255, 255, 255), 255),
        ("x.png", "LA", (77, 0), (77, 77, 77), 77),
        ("x.png", "RGBA", (255, 0, 0, 3), (255, 0, 0), 76),
        ("x.tif", "RGBA", (0, 255, 0, 3), (0, 255, 0), 150),
        ("x.webp", "RGB", (0, 0, 0), (0, 0, 0), 0),
        ("x.tif", "CMYK", (255, 0, 0, 0), (0, 255, 255), 179),
        ("x.tif", "CMYK", (0, 0, 0, 255), (0, 0, 0), 0),
        ("x.gif", "L", 200, (200, 200, 200), 200),
    ],
)
def test_other_modes(tmp_path, name, mode, value, rgb, grey):
    Image.new(mode, (2, 2), value).save(tmp_path / name)
    assert {tuple(pixel) for row in pixels(tmp_path / name, "RGB").tolist() for pixel in row} == {rgb}
    assert {level for row in pixels(tmp_path / name).tolist() for level in row} == {grey}


def test_grey_that_was_multiplied_by_its_transparency_is_divided_again(tmp_path):
    array = np.array([[100, 128, 60, 255]], np.uint8)
    write_tiff(tmp_path / "x.tif", array, _256=2, _258=(8, 8), _277=2, _338=1)
    assert pixels(tmp_path / "x.tif").tolist() == [[199, 60]]
    assert pixels(tmp_path / "x.tif", "RGB").tolist() == [[[199] * 3, [60] * 3]]


REFUSED = {
    "above.tif": (lambda path: Image.fromarray((RAMP * 255).astype("f4")).save(path), "from 0.0 to 255.0, not from 0"),
    "below.tif": (lambda path: Image.fromarray((RAMP - 0.5).astype("f4")).save(path), "from -0.5 to 0.5, not from 0"),
    "nan.tif": (
        lambda path: Image.fromarray(np.where(RAMP > 0.9, np.nan, RAMP).astype("f4")).save(path),
        "from nan to nan, not from 0 to 1",
    ),
    "inf.tif": (
        lambda path: Image.fromarray(np.where(RAMP > 0.9, np.inf, RAMP).astype("f4")).save(path),
        "from 0.0 to inf, not from 0 to 1",
    ),
    "32-bit.tif": (lambda path: Image.fromarray((RAMP * 65535).astype("i4")).save(path), "pixels are signed numbers"),
    "unsigned-32.tif": (
        lambda path: write_tiff(path, (RAMP * 2**31).astype("<u4")),
        "no TIFF file of mode I says which of its numbers is white",
    ),
    "signed-16.tif": (lambda path: write_tiff(path, (RAMP * 999 - 99).astype("<i2")), "pixels are signed numbers"),
    "signed-8.tif": (lambda path: write_tiff(path, (RAMP * 99 - 50).astype("i1")), "pixels are signed numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_levels_without_a_certain_place_are_refused(tmp_path, name, mode):
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / name
    write, message = REFUSED[name]
    write(path)
    with pytest.raises(DataError) as caught:
        ImageFolder(tmp_path, mode=mode).fetch_batch([0])
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert message in text
    assert text.endswith("; scale them to 8 or 16 bits from black, 0, to white, or to floats from 0 to 1")


def test_a_deep_mode_that_is_asked_for_gets_the_numbers_as_they_are(tmp_path):
    Image.fromarray((RAMP * 300).astype("f4")).save(tmp_path / "x.tif")
    np.testing.assert_array_equal(pixels(tmp_path / "x.tif", "F"), (RAMP * 300).astype("f4"))


UPRIGHT = np.repeat(np.repeat(np.array([[0, 60], [120, 180], [240, 30]], np.uint8), 16, 0), 16, 1)
AS_STORED = {  # of the upright picture, what a camera stores that says to turn it so
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a, -1),
}


def save_lying(path, orientation, array=UPRIGHT):
    """A picture that lies as a camera with this orientation stores it."""
    image = Image.fromarray(np.ascontiguousarray(AS_STORED[orientation](array)))
    exif = image.getexif()
    exif[0x112] = orientation
    special = {"x.jpg": {"quality": 100}, "x.webp": {"lossless": True}, "packed.tif": {"compression": "tiff_lzw"}}
    options = special.get(path.name, {})
    image.save(path, exif=exif, **options)


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.tif", "packed.tif", "x.webp"])
@pytest.mark.parametrize("orientation", AS_STORED)
def test_a_picture_that_lies_on_its_side_is_turned(tmp_path, name, orientation):
    path = tmp_path / name
    save_lying(path, orientation)
    assert np.abs(pixels(path).astype(int) - UPRIGHT).max() <= (2 if path.suffix == ".jpg" else 0)
    assert pixels(path, "RGB").shape == (48, 32, 3)


def test_orientation_of_a_deep_picture_and_of_a_palette(tmp_path):
    save_lying(tmp_path / "deep.png", 6, UPRIGHT.astype(np.uint16) * 257)
    np.testing.assert_array_equal(pixels(tmp_path / "deep.png"), UPRIGHT)
    image = Image.fromarray(np.ascontiguousarray(AS_STORED[8](UPRIGHT))).convert("P")
    exif = image.getexif()
    exif[0x112] = 8
    image.save(tmp_path / "p.png", exif=exif, transparency=0)
    np.testing.assert_array_equal(pixels(tmp_path / "p.png"), UPRIGHT)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_changes_nothing(tmp_path, orientation):
    image = Image.fromarray(UPRIGHT)
    exif = image.getexif()
    exif[0x112] = orientation
    image.save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(pixels(tmp_path / "x.png"), UPRIGHT)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x09"]
)
def test_damaged_exif_data_do_not_hide_the_picture(tmp_path, exif):
    Image.fromarray(UPRIGHT).save(tmp_path / "x.jpg", exif=exif, quality=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = np.asarray(load_image(str(tmp_path / "x.jpg"), "L"))
    assert np.abs(read.astype(int) - UPRIGHT).max() <= 2


def bomb(path, side):
    """A PNG of side x side black pixels in a few bytes."""
    write_png(path, side, side, 8, 0, (bytes(side) for _ in range(side)))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [1001, 1500])  # Pillow itself refuses from twice its limit on
def test_a_small_file_with_very_many_pixels_is_refused_before_it_is_unpacked(tmp_path, monkeypatch, side):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    path = tmp_path / "bomb.png"
    bomb(path, side)
    assert path.stat().st_size < 5_000
    with (
        at_most(500_000),
        pytest.raises(DataError, match=rf"^{path}: .*pixels.* At most 1,000,000 are .*PIXELS"),
    ):
        load_image(str(path), "L")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", side**2)
    assert load_image(str(path), "L").size == (side, side)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert load_image(str(path), "L").size == (side, side)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("name", ["x.jpg", "x.bmp", "x.tif", "x.webp", "x.ppm"])
def test_pictures_of_any_format_have_the_limit(tmp_path, monkeypatch, name):
    Image.new("RGB", (40, 30)).save(tmp_path / name)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1199)
    with pytest.raises(DataError, match=r"has 40 x 30 pixels\. At most 1,199 are read"):
        load_image(str(tmp_path / name), "RGB")
