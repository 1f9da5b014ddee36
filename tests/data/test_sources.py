"""Where the data are looked for, in which order, and what is refused."""

import gzip
import os
import struct

import numpy as np
import pytest

from minitorch_cv.data import DataError, FashionMNIST, sources
from minitorch_cv.data.published import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS

from .memory import at_most

EMBEDDED_TRAIN = "embedded subset (6,000 training images)"
SYSTEM = ("system/fashion-mnist", "local/fashion-mnist")
EMBEDDED_TEST = "embedded subset (1,000 test images)"


@pytest.fixture
def everywhere(tmp_path, monkeypatch, tiny, network, cache):
    """A copy in every place of the search order; returns the places in that order."""
    folders = {name.split("/")[0]: tiny.write(tmp_path / name) for name in ("root", "variable", *SYSTEM)}
    monkeypatch.setenv(sources.VARIABLE, str(folders["variable"]))
    monkeypatch.setattr(sources, "SYSTEM_FOLDERS", tuple(tmp_path / name for name in ("system", "local")))
    tiny.write(cache)
    network.copy = tiny
    return folders


def test_search_order(everywhere, monkeypatch, network, cache, capsys):
    assert FashionMNIST(everywhere["root"]).source == str(everywhere["root"])
    assert FashionMNIST().source == str(everywhere["variable"])
    monkeypatch.setenv(sources.VARIABLE, "")  # empty counts as unset
    assert FashionMNIST().source == str(everywhere["system"])
    (everywhere["system"] / f"{TEST_LABELS}.gz").unlink()  # a copy with a hole is passed over, for both splits
    assert FashionMNIST().source == str(everywhere["local"])
    monkeypatch.setattr(sources, "SYSTEM_FOLDERS", ())
    assert FashionMNIST().source == str(cache)
    assert network.folders == []
    for file in cache.iterdir():
        file.unlink()
    assert FashionMNIST().source == str(cache)
    assert network.folders == [cache]
    assert capsys.readouterr().err == ""


def test_embedded_subset_is_the_last_resort_and_says_so_once(network, cache, capsys):
    assert FashionMNIST().source == EMBEDDED_TRAIN
    assert FashionMNIST(train=False).source == EMBEDDED_TEST
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "offline" in said.err
    assert "built-in subset of 6,000 training and 1,000 test images" in said.err
    assert sources.VARIABLE in said.err
    assert network.folders == [cache]  # tried once per process


def test_download_false_does_not_download(network, tiny):
    network.copy = tiny
    assert FashionMNIST(download=False).source == EMBEDDED_TRAIN
    assert network.folders == []


def test_unwritable_cache_falls_through(monkeypatch, capsys):
    def refuse(published, folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(sources, "download", refuse)
    assert FashionMNIST().source == EMBEDDED_TRAIN
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("layout", [".", "FashionMNIST/raw"])
def test_layouts(tmp_path, tiny, packed, layout):
    tiny.write(tmp_path / "d" / layout, packed)
    for train, images, labels in [(True, TRAIN_IMAGES, TRAIN_LABELS), (False, TEST_IMAGES, TEST_LABELS)]:
        found = FashionMNIST(tmp_path / "d", train, download=False)
        np.testing.assert_array_equal(found.arrays()[0], tiny.arrays[images])
        np.testing.assert_array_equal(found.arrays()[1], tiny.arrays[labels])


def test_a_named_folder_needs_only_the_split_asked_for(tmp_path, tiny, network):
    tiny.write(tmp_path / "d", names=(TRAIN_IMAGES, TRAIN_LABELS))
    assert len(FashionMNIST(str(tmp_path / "d"))) == 20
    with pytest.raises(DataError, match=rf"{tmp_path / 'd'}: no {TEST_IMAGES} or {TEST_IMAGES}.gz in this folder"):
        FashionMNIST(tmp_path / "d", train=False)
    assert network.folders == []


def test_named_folder_without_data_is_an_error(tmp_path, monkeypatch, tiny, network):
    network.copy = tiny
    (tmp_path / "notes.txt").write_text("something else")
    with pytest.raises(DataError, match=rf"^{tmp_path}: no {TRAIN_IMAGES} or .* in this folder"):
        FashionMNIST(tmp_path)
    monkeypatch.setenv(sources.VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=rf"^\${sources.VARIABLE}={tmp_path}: no {TRAIN_IMAGES}"):
        FashionMNIST()
    assert network.folders == []


def test_named_variable_that_does_not_exist_is_an_error(tmp_path, monkeypatch, tiny, network):
    network.copy = tiny
    monkeypatch.setenv(sources.VARIABLE, str(tmp_path / "typo"))
    with pytest.raises(DataError, match=rf"^\${sources.VARIABLE}=.*typo: the data folder cannot be read .No such file"):
        FashionMNIST()
    assert network.folders == []


def test_root_that_is_missing_or_empty_is_downloaded_into(tmp_path, tiny, network):
    network.copy = tiny
    (tmp_path / "empty").mkdir()
    for root in (tmp_path / "missing", tmp_path / "empty"):
        assert len(FashionMNIST(root)) == 20
        assert (root / "FashionMNIST" / "raw" / f"{TRAIN_IMAGES}.gz").exists()
    assert len(FashionMNIST(tmp_path / "missing", train=False)) == 10
    assert network.folders == [tmp_path / name / "FashionMNIST" / "raw" for name in ("missing", "empty")]


def test_interrupted_download_into_root_is_completed(tmp_path, tiny, network):
    raw = tiny.write(tmp_path / "FashionMNIST" / "raw", names=(TRAIN_IMAGES, TRAIN_LABELS))
    assert len(FashionMNIST(tmp_path)) == 20
    assert network.folders == []
    network.copy = tiny
    assert len(FashionMNIST(tmp_path, train=False)) == 10
    assert network.folders == [raw]


def test_root_is_an_error_where_the_download_fails_or_is_forbidden(tmp_path, network):
    with pytest.raises(DataError, match=r"missing: holds no Fashion-MNIST, and downloading it there failed .no mirror"):
        FashionMNIST(tmp_path / "missing")
    with pytest.raises(DataError, match=r"missing: the data folder cannot be read .No such file"):
        FashionMNIST(tmp_path / "missing", download=False)
    assert len(network.folders) == 1


def test_root_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file: the data folder cannot be read .Not a directory.*; check the path"):
        FashionMNIST(tmp_path / "file")


def test_unreadable_folder_is_one_line_that_says_what_to_do(tmp_path, monkeypatch, tiny):
    folder = tiny.write(tmp_path / "closed")
    really = os.listdir

    def closed(path):
        if os.fspath(path) == str(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "listdir", closed)  # chmod would not stop a test that runs as root
    monkeypatch.setenv(sources.VARIABLE, str(folder))
    for root, name in [(folder, str(folder)), (None, f"${sources.VARIABLE}={folder}")]:
        with pytest.raises(DataError) as caught:
            FashionMNIST(root)
        text = str(caught.value)
        assert text.startswith(
            f"{name}: the data folder cannot be read (Permission denied); check the path and its perm"
        )
        assert "\n" not in text


def truncate(path, tiny):
    path.write_bytes(path.read_bytes()[:-50])


def shorten(path, tiny):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))


def alter(path, tiny):
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[-3] ^= 1
    path.write_bytes(gzip.compress(bytes(raw)))


def swap_with_labels(path, tiny):
    path.write_bytes(gzip.compress(tiny.raw[TRAIN_LABELS]))


def swap_with_test(path, tiny):
    path.write_bytes(gzip.compress(tiny.raw[TEST_IMAGES]))


def other_magic(path, tiny):
    path.write_bytes(gzip.compress(b"\x89PNG" + gzip.decompress(path.read_bytes())[4:]))


def other_shape(path, tiny):
    raw = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(raw[:8] + b"\0\0\0\x0e\0\0\0\x38" + raw[16:]))  # 14 x 56 pixels


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (truncate, "truncated or damaged"),
        (shorten, "truncated: its header announces 15,680 bytes of data"),
        (alter, "altered, or of another data set: its SHA-256 is"),
        (swap_with_labels, f"swapped: it holds what belongs into {TRAIN_LABELS}"),
        (swap_with_test, f"swapped: it holds what belongs into {TEST_IMAGES}"),
        (other_magic, "not an IDX file: it starts with 0x89504e47"),
        (
            other_shape,
            "holds an array of shape (20, 14, 56) but train-images-idx3-ubyte of Fashion-MNIST has (20, 28, 28)",
        ),
    ],
)
@pytest.mark.parametrize("place", ["root", "variable", "system", "cache"])
def test_a_wrong_file_is_named_and_refused(tmp_path, monkeypatch, tiny, cache, damage, says, place):
    folder = tiny.write(cache if place == "cache" else tmp_path / place / "fashion-mnist")
    if place == "variable":
        monkeypatch.setenv(sources.VARIABLE, str(folder))
    if place == "system":
        monkeypatch.setattr(sources, "SYSTEM_FOLDERS", (folder.parent,))
    path = folder / f"{TRAIN_IMAGES}.gz"
    damage(path, tiny)
    with pytest.raises(DataError) as caught:
        FashionMNIST(folder if place == "root" else None)
    assert str(caught.value).startswith(f"{path}: {says}")
    assert "\n" not in str(caught.value)
    assert len(FashionMNIST(folder, train=False)) == 10  # the other files are good


def test_a_plain_file_goes_before_its_compressed_one(tmp_path, tiny):
    tiny.write(tmp_path)
    tiny.write(tmp_path, packed=False)
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(b"never read")
    assert len(FashionMNIST(tmp_path)) == 20


def test_cache_folder_is_the_platforms(monkeypatch):
    platformdirs = pytest.importorskip("platformdirs")
    monkeypatch.undo()
    assert sources.cache_folder().is_relative_to(platformdirs.user_cache_dir("minitorch_cv"))


SPELLINGS = {
    "7-Zip": lambda name: name.replace("-idx", ".idx"),
    "capitals": lambda name: name.upper(),
    "capitals and the dot": lambda name: name.replace("-idx", ".IDX").capitalize(),
    "packed, with the dot": lambda name: name.replace("-idx", ".idx") + ".gz",
    "packed, capitals": lambda name: name + ".GZ",
    "packed, without saying so": lambda name: name,
    "unpacked, but called .gz": lambda name: name + ".gz",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("layout", [".", "FashionMNIST/raw"])
def test_files_that_unpackers_and_mirrors_spell_otherwise(tiny, tmp_path, spelling, layout):
    (tmp_path / layout).mkdir(parents=True, exist_ok=True)
    for name, raw in tiny.raw.items():
        content = gzip.compress(raw) if spelling.startswith("packed") else raw
        (tmp_path / layout / SPELLINGS[spelling](name)).write_bytes(content)
    for train, name in ((True, TRAIN_IMAGES), (False, TEST_IMAGES)):
        images, _ = FashionMNIST(tmp_path, train, download=False).arrays()
        np.testing.assert_array_equal(images, tiny.arrays[name])


def test_the_published_spelling_goes_first_and_folders_are_passed_over(tiny, tmp_path):
    tiny.write(tmp_path, packed=False)
    (tmp_path / TRAIN_IMAGES.replace("-idx", ".idx")).write_bytes(b"another file")
    assert len(FashionMNIST(tmp_path)) == 20
    (tmp_path / TRAIN_IMAGES.replace("-idx", ".idx")).write_bytes(tiny.raw[TRAIN_IMAGES])
    (tmp_path / TRAIN_IMAGES).unlink()
    (tmp_path / TRAIN_IMAGES).mkdir()  # as an archive of Kaggle's has it
    with pytest.raises(DataError, match=f"no {TRAIN_IMAGES} or"):
        FashionMNIST(tmp_path)
    tiny.write(tmp_path, names=[TRAIN_IMAGES])
    assert len(FashionMNIST(tmp_path)) == 20


@pytest.mark.parametrize("shape", [(20, 28, 28), (20,), (2**32 - 1, 28, 28)])
def test_a_small_file_that_unpacks_to_very_much_stops_at_the_published_size(tiny, tmp_path, shape):
    """Whatever its header announces."""
    tiny.write(tmp_path)
    path = tmp_path / f"{TRAIN_IMAGES}.gz"
    start = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)
    path.write_bytes(gzip.compress(start + bytes(48_000_000)))
    with at_most(20_000_000), pytest.raises(DataError, match=f"^{path}: "):
        FashionMNIST(tmp_path)


def test_a_file_of_a_larger_data_set_is_named_by_its_shape(tiny, tmp_path):
    tiny.write(tmp_path)
    path = tmp_path / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 10**5, 28, 28) + bytes(28 * 28 * 10**5)))
    with pytest.raises(DataError, match=r"holds an array of shape \(100000, 28, 28\) but train-images"):
        FashionMNIST(tmp_path)
