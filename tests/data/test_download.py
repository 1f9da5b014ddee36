"""The download, with a pooch and a network that are made up."""

import hashlib
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from minitorch_cv.data import DataError
from minitorch_cv.data import download as download_module
from minitorch_cv.data.published import FASHION_MNIST

CONTENT = {f"{name}.gz": name.encode() for name in FASHION_MNIST.contents}
MIRRORS = ("https://one/", "https://two/", "https://three/")
HASHES = {name: "sha256:" + hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
PUBLISHED = replace(FASHION_MNIST, mirrors=MIRRORS, downloads=HASHES)


class FakeNetwork:
    """Mirrors that answer, hang or refuse, and serve good or altered files."""

    def __init__(self):
        self.up = set(MIRRORS)
        self.hangs = set()
        self.alters = set()
        self.fetched = []
        self.options = None

    def head(self, url, timeout, allow_redirects):
        mirror = url.rpartition("/")[0] + "/"
        if mirror in self.hangs:
            time.sleep(5)
        if mirror not in self.up:
            raise self.RequestException("Name or service not known")
        return SimpleNamespace(ok=True)

    class RequestException(OSError):
        pass

    def http_downloader(self, **options):
        self.options = options

    def retrieve(self, url, known_hash, fname, path, downloader):
        self.fetched.append(url)
        mirror = url.rpartition("/")[0] + "/"
        if mirror not in self.up:
            raise self.RequestException("connection lost")
        content = b"altered" if mirror in self.alters else CONTENT[fname]
        if known_hash != "sha256:" + hashlib.sha256(content).hexdigest():
            raise ValueError(f"SHA256 hash of downloaded file ({fname})\n does not match")
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_bytes(content)


@pytest.fixture
def world(monkeypatch):
    world = FakeNetwork()
    monkeypatch.setitem(
        sys.modules, "pooch", SimpleNamespace(retrieve=world.retrieve, HTTPDownloader=world.http_downloader)
    )
    monkeypatch.setitem(
        sys.modules, "requests", SimpleNamespace(head=world.head, RequestException=world.RequestException)
    )
    return world


def test_all_four_files_from_the_first_mirror(world, tmp_path):
    download_module.download(PUBLISHED, tmp_path / "new")
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == CONTENT
    assert world.fetched == [MIRRORS[0] + name for name in CONTENT]
    assert world.options["progressbar"] is True
    assert world.options["headers"] == {"Accept-Encoding": "identity"}  # the hash is that of the packed file


def test_only_what_is_missing(world, tmp_path):
    download_module.download(PUBLISHED, tmp_path)
    lost = next(iter(CONTENT))
    (tmp_path / lost).unlink()
    world.fetched.clear()
    download_module.download(PUBLISHED, tmp_path)
    assert world.fetched == [MIRRORS[0] + lost]


def test_mirrors_in_turn(world, tmp_path):
    world.up.remove(MIRRORS[0])  # does not answer, so is not asked for files
    world.alters.add(MIRRORS[1])  # answers with a wrong file
    download_module.download(PUBLISHED, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == CONTENT
    assert world.fetched[:2] == [MIRRORS[1] + next(iter(CONTENT)), MIRRORS[2] + next(iter(CONTENT))]


def test_no_mirror_has_a_good_file(world, tmp_path):
    world.alters.update(MIRRORS)
    with pytest.raises(
        DataError, match=r"^train-images-idx3-ubyte.gz could not be downloaded .SHA256 .* does not match"
    ):
        download_module.download(PUBLISHED, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_offline_takes_no_longer_than_one_timeout(world, tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "SECONDS_TO_ANSWER", 0.2)
    world.up.clear()
    world.hangs.update(MIRRORS)  # a name server that never answers obeys no timeout
    start = time.monotonic()
    with pytest.raises(DataError, match="no mirror answered; is this machine offline"):
        download_module.download(PUBLISHED, tmp_path)
    assert time.monotonic() - start < 2
    assert world.fetched == []
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    assert all(thread.daemon for thread in others)  # those that still hang do not hold the program at its end
