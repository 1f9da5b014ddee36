"""CIFAR-10 and CIFAR-100 from tiny archives of the published layout."""

import gzip
import hashlib
import io
import tarfile
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from minitorch_cv.data import CIFAR10, CIFAR100, DataError, DataLoader, ToTensor, sources

from .memory import at_most

ROWS = {True: 3, False: 2}  # of every file


class TinyArchive:
    """An archive with random records, and how to write it; `records` are those of each split."""

    def __init__(self, cls):
        self.cls = cls
        (expected,) = cls.published.contents.values()
        rng = np.random.default_rng(len(cls.classes))
        width = cls.label_bytes + 3072
        packed = io.BytesIO()
        self.records = {}
        with tarfile.open(fileobj=packed, mode="w:gz") as files:
            for train, members in [(False, expected.test), (True, expected.train)]:
                parts = [rng.integers(0, 10, (ROWS[train], width), np.uint8) for _ in members]
                self.records[train] = np.concatenate(parts)
                for member, part in zip(members, parts):
                    entry = tarfile.TarInfo(member)
                    entry.size = part.nbytes
                    files.addfile(entry, io.BytesIO(part.tobytes()))
        self.packed = packed.getvalue()
        self.name = expected.name
        self.expected = replace(expected, md5=hashlib.md5(self.packed).hexdigest())

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / self.name).write_bytes(self.packed)
        return folder


@pytest.fixture(params=[CIFAR10, CIFAR100])
def archive(request, monkeypatch):
    tiny = TinyArchive(request.param)
    published = replace(tiny.cls.published, contents={tiny.name: tiny.expected})
    monkeypatch.setattr(tiny.cls, "published", published)
    return tiny


@pytest.mark.parametrize("train", [True, False])
def test_images_and_labels(archive, tmp_path, train):
    dataset = archive.cls(archive.write(tmp_path), train)
    records = archive.records[train]
    assert dataset.data.shape == (len(records), 32, 32, 3)
    assert dataset.data.dtype == np.uint8
    assert dataset.targets.dtype == np.int64
    for i, record in enumerate(records):
        pixels, label = record[-3072:], record[-3073]
        image, found = dataset[i]
        assert (image.mode, image.size) == ("RGB", (32, 32))
        assert found == label
        assert type(found) is int
        # The record holds 1024 red values, row by row, then the green and the blue ones.
        for x, y, channel in [(0, 0, 0), (31, 0, 1), (5, 7, 2), (30, 31, 0)]:
            assert image.getpixel((x, y))[channel] == pixels[1024 * channel + 32 * y + x]
    assert repr(dataset).startswith(f"{archive.cls.__name__}(train={train}, {len(records)} images, source: ")


def test_batches(archive, tmp_path):
    dataset = archive.cls(archive.write(tmp_path))
    for transform in (None, ToTensor()):
        dataset.transform = transform
        (x, y), *_ = DataLoader(dataset, 3)
        assert x.shape == (3, 3, 32, 32)
        assert x.dtype == np.float32
        assert np.moveaxis(x.numpy(), 0, -1).flags.c_contiguous
        expected = archive.records[True][:3, -3072:].reshape(3, 3, 32, 32) / np.float32(255)
        np.testing.assert_array_equal(x.numpy(), expected)
        np.testing.assert_array_equal(y.numpy(), archive.records[True][:3, -3073])


def test_classes():
    assert (len(CIFAR10.classes), len(set(CIFAR100.classes))) == (10, 100)
    assert list(CIFAR100.classes) == sorted(CIFAR100.classes)
    assert CIFAR10.classes[9] == "truck"


def test_the_places_looked_in(archive, tmp_path, monkeypatch, cache, network):
    folder = archive.cls.published.folder
    archive.write(cache.parent / folder)
    assert archive.cls().source == str(cache.parent / folder)
    monkeypatch.setattr(sources, "SYSTEM_FOLDERS", (tmp_path / "system",))
    archive.write(tmp_path / "system" / folder)
    assert archive.cls().source == str(tmp_path / "system" / folder)
    monkeypatch.setenv(sources.VARIABLE, str(archive.write(tmp_path / "named")))
    assert archive.cls().source == str(tmp_path / "named")
    assert network.folders == []


def test_nowhere_found_says_where_to_get_it(archive, network, cache):
    name = archive.cls.published.name
    with pytest.raises(
        DataError,
        match=rf"^{name} was not found \(no mirror answered.*\): fetch {archive.name} from https://www.cs.toronto.edu"
        rf".* and name their folder as root or in \${sources.VARIABLE}",
    ):
        archive.cls()
    assert network.folders == [cache.parent / archive.cls.published.folder]
    with pytest.raises(DataError, match="downloading was not allowed"):
        archive.cls(download=False)


def test_a_root_is_downloaded_into_beside_other_data_sets(archive, tmp_path, network):
    network.copy = archive
    (tmp_path / "FashionMNIST").mkdir()
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"cifar-10, which CIFAR-100 must not mind")
    if archive.cls is CIFAR10:
        (tmp_path / "cifar-10-binary.tar.gz").unlink()
    assert len(archive.cls(tmp_path)) == len(archive.records[True])
    assert network.folders == [tmp_path]


def test_only_the_python_version_is_there(archive, tmp_path, network):
    (tmp_path / archive.name.replace("binary", "python")).write_bytes(b"pickles")
    with pytest.raises(DataError, match=rf"no {archive.name} in this folder; .* binary version, .*pickled"):
        archive.cls(tmp_path)
    assert network.folders == []


def test_an_altered_archive_is_refused(archive, tmp_path):
    path = archive.write(tmp_path) / archive.name
    path.write_bytes(archive.packed[:-1])
    with pytest.raises(DataError, match=rf"^{path}: truncated or altered: its MD5 is \w+, that of CIFAR-\d+'s"):
        archive.cls(tmp_path)


def test_an_archive_without_its_files_is_refused(archive, tmp_path, monkeypatch):
    """Cannot happen while the MD5 is the published one, but an error must not look like a bug."""
    expected = replace(archive.expected, train=("elsewhere/train.bin",))
    monkeypatch.setattr(archive.cls, "published", replace(archive.cls.published, contents={archive.name: expected}))
    with pytest.raises(DataError, match=r"cannot be unpacked .*elsewhere/train.bin"):
        archive.cls(archive.write(tmp_path))


def repacked(archive, monkeypatch, packed):
    """The archive with other bytes, whose MD5 counts as the published one."""
    archive.packed = packed
    expected = replace(archive.expected, md5=hashlib.md5(packed).hexdigest())
    monkeypatch.setattr(archive.cls, "published", replace(archive.cls.published, contents={archive.name: expected}))


def tar_of(files, mode="w:gz"):
    """An archive of files {name: bytes}."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


BROKEN = {
    "no gzip": lambda whole, members: b"no archive at all",
    "empty": lambda whole, members: b"",
    "cut": lambda whole, members: whole[: len(whole) // 2],
    "damaged in the middle": lambda whole, members: whole[:3000] + b"\xff" * 60 + whole[3060:],
    "gzip of no tar": lambda whole, members: gzip.compress(b"x" * 5000),
    "no gzip but tar": lambda whole, members: tar_of(dict.fromkeys(members, bytes(6148)), "w:"),
    "half records": lambda whole, members: tar_of(dict.fromkeys(members, bytes(5000))),
    "empty files": lambda whole, members: tar_of(dict.fromkeys(members, b"")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_archive_of_the_right_md5_is_refused(archive, tmp_path, monkeypatch, name):
    members = (*archive.expected.train, *archive.expected.test)
    repacked(archive, monkeypatch, BROKEN[name](archive.packed, members))
    path = archive.write(tmp_path) / archive.name
    with pytest.raises(DataError, match=rf"^{path}: (cannot be unpacked|a file in it has [\d,]+ bytes)"):
        archive.cls(tmp_path)


def test_any_damage_is_an_error_of_data(archive, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    whole = np.frombuffer(archive.packed, np.uint8)
    for _ in range(40):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 3)] = rng.integers(0, 256, 3)
        repacked(archive, monkeypatch, damaged.tobytes()[: rng.integers(1, len(whole) + 1)])
        with suppress(DataError):
            archive.cls(archive.write(tmp_path))


@pytest.mark.parametrize("bomb", ["before.bin", "after.bin", "among the wanted"])
def test_an_archive_that_unpacks_to_more_than_published_is_refused_by_its_headers(archive, tmp_path, monkeypatch, bomb):
    monkeypatch.setattr(archive, "expected", replace(archive.expected, size=1_000_000))
    wanted = (*archive.expected.train, *archive.expected.test)
    files = {bomb: b"", **dict.fromkeys(wanted, bytes(6148)), "after.bin": b""}
    files[wanted[0] if bomb == "among the wanted" else bomb] = bytes(48_000_000)
    repacked(archive, monkeypatch, tar_of(files))
    archive.write(tmp_path)
    with (
        at_most(1_000_000),
        pytest.raises(DataError, match=r"ends at byte 48,\d+,\d+, after the published 1,000"),
    ):
        archive.cls(tmp_path)
