"""Reading safetensors files of any writer: types that NumPy has not, and files of other kinds."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save

from minitorch_cv.train.safetensors_file import (
    FormatError,
    digest,
    from_bfloat16,
    from_float8_e4m3,
    from_float8_e5m2,
    read_safetensors,
)


def write(path, dtype, shape, content, name="w"):
    """A file of one array, whose numbers are given as bytes."""
    header = json.dumps({name: {"dtype": dtype, "shape": shape, "data_offsets": [0, len(content)]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + content)
    return path


def test_bfloat16_is_the_upper_half_of_float32():
    bits = np.array([0x0000, 0x8000, 0x3F80, 0xBF80, 0x4049, 0x7F7F, 0x0001, 0x7F80, 0xFF80], np.uint16)
    expected = [0, -0.0, 1, -1, 3.140625, (2 - 2**-7) * 2.0**127, 2.0**-133, np.inf, -np.inf]
    np.testing.assert_array_equal(from_bfloat16(bits), np.array(expected, np.float32))
    assert np.signbit(from_bfloat16(bits)[1])
    assert np.isnan(from_bfloat16(np.array([0x7FC0], np.uint16)))


def test_float8_with_four_bits_of_exponent():
    """Values from "FP8 formats for deep learning" (Micikevicius et al. 2022), table 1."""
    bits = np.array([0x00, 0x80, 0x38, 0xB8, 0x3C, 0x7E, 0x01, 0x07, 0x08, 0x70], np.uint8)
    expected = [0, -0.0, 1, -1, 1.5, 448, 2**-9, 7 * 2**-9, 2**-6, 128]
    np.testing.assert_array_equal(from_float8_e4m3(bits), np.array(expected, np.float32))
    assert np.isnan(from_float8_e4m3(np.array([0x7F, 0xFF], np.uint8))).all()


def test_float8_with_five_bits_of_exponent():
    bits = np.array([0x00, 0x3C, 0xBC, 0x3E, 0x7B, 0x01, 0x04, 0x7C], np.uint8)
    expected = [0, 1, -1, 1.5, 57344, 2**-16, 2**-14, np.inf]
    np.testing.assert_array_equal(from_float8_e5m2(bits), np.array(expected, np.float16))


@pytest.mark.parametrize(
    ("name", "width"), [("bfloat16", 2), ("float8_e4m3fn", 1), ("float8_e5m2", 1), ("float16", 2), ("int8", 1)]
)
def test_every_number_of_a_type_is_what_torch_makes_of_it(tmp_path, name, width):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    bits = torch.arange(2 ** (8 * width), dtype=torch.int32).to(torch.uint8 if width == 1 else torch.int16)
    numbers = bits.view(getattr(torch, name))
    save_file({"w": numbers}, tmp_path / "w.safetensors")
    arrays, text = read_safetensors(tmp_path / "w.safetensors")
    assert text is None
    np.testing.assert_array_equal(arrays["w"].astype(np.float32), numbers.float().numpy())


KNOWN = {"F64": "f8", "F32": "f4", "F16": "f2", "BOOL": "?", "I8": "i1", "I64": "i8", "U16": "u2", "U64": "u8"}


@pytest.mark.parametrize("kind", KNOWN)
def test_types_that_numpy_has(tmp_path, kind):
    expected = np.array([[0, 1, 1]], KNOWN[kind])
    arrays, _ = read_safetensors(write(tmp_path / "w", kind, [1, 3], expected.tobytes()))
    assert arrays["w"].dtype == expected.dtype
    np.testing.assert_array_equal(arrays["w"], expected)
    arrays["w"][0, 0] = 1  # writable


def test_arrays_of_no_axes_and_no_elements(tmp_path):
    expected = {"a": np.array(3.0), "b": np.zeros((0, 4), "f4"), "c": np.array([[[7]]], "i8")}
    (tmp_path / "w").write_bytes(save(expected))
    arrays, _ = read_safetensors(tmp_path / "w")
    assert {name: (array.shape, array.tolist()) for name, array in arrays.items()} == {
        name: (array.shape, array.tolist()) for name, array in expected.items()
    }
    arrays, _ = read_safetensors(write(tmp_path / "w", "BF16", [], b"\x80\x3f"))
    assert (arrays["w"].shape, arrays["w"].item()) == ((), 1)


@pytest.mark.parametrize(("kind", "size"), [("C64", 8), ("F8_E8M0", 1), ("F8_E4M3FNUZ", 1)])
def test_types_that_are_not_read_are_named(tmp_path, kind, size):
    path = write(tmp_path / "w.safetensors", kind, [2], bytes(2 * size), name="head.weight")
    with pytest.raises(FormatError) as caught:
        read_safetensors(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert kind in text or "safetensors file" in text  # older versions of the library do not know all of them


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"")
    return buffer.getvalue()


PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
OTHERS = {
    "png": PNG,
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "empty": b"",
    "short": b"ab",
    "text": b"weights of a network\n" * 20,
    "zeros": bytes(200),
    "onnx": b"\x08\x07\x12\x07pytorch" * 9,
    "huge header": struct.pack("<Q", 2**63) + b"{}",
    "no object": struct.pack("<Q", 2) + b"[]",
}


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_another_format_are_named_with_the_reason(tmp_path, name):
    path = tmp_path / "net.dat"
    path.write_bytes(OTHERS[name])
    with pytest.raises(FormatError, match=rf"^{path}: truncated, damaged or no safetensors file \(.+\)$"):
        read_safetensors(path)


@pytest.mark.parametrize("content", [zipped(), *(pickle.dumps({"w": 1}, protocol) for protocol in range(2, 6))])
def test_pickles_are_refused_with_what_to_do(tmp_path, content):
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    with pytest.raises(FormatError) as caught:
        read_safetensors(path)
    assert str(caught.value).startswith(f"{path}: a zip archive or pickle, as torch.save writes; these are never read")
    assert "safetensors.torch.save_file(net.state_dict(), 'net.safetensors')" in str(caught.value)


@pytest.mark.parametrize("length", [640, 896, 1152, 1408, 19280])
def test_a_header_whose_length_looks_like_the_start_of_a_pickle_or_archive(tmp_path, length):
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (tmp_path / "w").write_bytes(struct.pack("<Q", length) + header.ljust(length) + struct.pack("<f", 1.5))
    assert read_safetensors(tmp_path / "w")[0]["w"].tolist() == [1.5]


def test_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_safetensors(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        read_safetensors(tmp_path)


def test_the_digest_tells_names_types_shapes_numbers_and_text_apart():
    array = np.arange(4, dtype="f4")
    different = [
        ({"w": array}, ""),
        ({"v": array}, ""),
        ({"w": array}, "text"),
        ({"w": array.reshape(2, 2)}, ""),
        ({"w": array.view("i4")}, ""),
        ({"w": array[::-1]}, ""),
        ({"w": array, "v": array}, ""),
        ({}, ""),
    ]
    assert len({digest(*given) for given in different}) == len(different)
    assert digest({"a": array, "b": -array}, "") == digest({"b": -array, "a": np.array([0, 1, 2, 3], "f4")}, "")
