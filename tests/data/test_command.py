"""`minitorch-cv data`: what it finds, fetches and verifies."""

import json
from dataclasses import replace

import pytest

from minitorch_cv.cli import main
from minitorch_cv.data import CIFAR10, sources
from minitorch_cv.data.published import FASHION_MNIST, TEST_LABELS

from .test_cifar import TinyArchive


def test_without_a_name_fashion_mnist_is_verified_and_the_others_are_listed(capsys):
    assert main(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "MNIST: not found; `minitorch-cv data mnist` fetches it (12 MB)"
    assert [line.split(":")[0] for line in lines[:3]] == ["MNIST", "CIFAR-10", "CIFAR-100"]
    assert [line.split()[1:3] for line in lines[3:7]] == [
        [split, kind] for split in ("training", "test") for kind in ("images", "labels")
    ]
    assert all("SHA-256 verified" in line for line in lines[3:7])
    assert lines[7] == "Fashion-MNIST: 6,000 training and 1,000 test images, all four files right"
    assert main(["data", "fashion-mnist"]) == 0
    assert capsys.readouterr().out.splitlines() == lines[3:]


def test_json(capsys):
    assert main(["data", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["source", "train_images", "test_images", "files", "others"]
    assert found["others"] == {"mnist": [], "cifar-10": [], "cifar-100": []}
    last = found["files"][3]
    assert last["sha256"] == FASHION_MNIST.embedded[TEST_LABELS].sha256
    assert (last["holds"], last["count"]) == ("test labels", 1000)
    assert main(["data", "fashion-mnist", "--json"]) == 0
    assert "others" not in json.loads(capsys.readouterr().out)


def test_copies_of_other_data_sets_are_listed_but_not_read(tmp_path, monkeypatch, capsys):
    folders = [tmp_path / name / "cifar-10" for name in ("system", "local")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "cifar-10-binary.tar.gz").write_bytes(b"not CIFAR-10")
    monkeypatch.setattr(sources, "SYSTEM_FOLDERS", tuple(folder.parent for folder in folders))
    assert main(["data", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["others"]["cifar-10"] == [str(folder) for folder in folders]
    assert main(["data"]) == 0
    wanted = f"CIFAR-10: found in {folders[0]}, {folders[1]}; `minitorch-cv data cifar-10` verifies it\n"
    assert wanted in capsys.readouterr().out
    assert main(["data", "cifar-10"]) == 2
    assert f"{folders[0] / 'cifar-10-binary.tar.gz'}: truncated or altered" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_named_folder_is_the_only_one(tmp_path, monkeypatch, capsys, tiny, cache, by):
    tiny.write(tmp_path / "named")
    (cache.parent / "cifar-10").mkdir(parents=True)
    (cache.parent / "cifar-10" / "cifar-10-binary.tar.gz").write_bytes(b"")
    if by == "variable":
        monkeypatch.setenv(sources.VARIABLE, str(tmp_path / "named"))
    options = ["--data", str(tmp_path / "named")] if by == "option" else []
    assert main(["data", "--json", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["source"] == str(tmp_path / "named")
    assert found["others"]["cifar-10"] == []


def test_one_data_set(tmp_path, monkeypatch, capsys):
    tiny = TinyArchive(CIFAR10)
    tiny.write(tmp_path)
    monkeypatch.setattr(CIFAR10, "published", replace(CIFAR10.published, contents={tiny.name: tiny.expected}))
    assert main(["data", "cifar-10", "--data", str(tmp_path)]) == 0
    *files, last = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in files] == [["15", "training", "images"], ["2", "test", "images"]]
    assert all("MD5 verified" in line for line in files)
    assert last == "CIFAR-10: 15 training and 2 test images, the archive right"
    assert main(["data", "cifar-10", "--data", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["train_images"], found["test_images"]) == (15, 2)
    assert found["files"][1]["md5"] == tiny.expected.md5


def test_an_unknown_name(capsys):
    assert main(["data", "mnits"]) == 2
    assert "unknown data set 'mnits'; choose one of: fashion-mnist, mnist, cifar-10" in capsys.readouterr().err


def test_nowhere_found(capsys, network):
    assert main(["data", "cifar-100", "--no-download"]) == 2
    assert "error: CIFAR-100 was not found (downloading was not allowed): fetch cifar" in capsys.readouterr().err
    assert network.folders == []
