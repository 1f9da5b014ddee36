"""Commands that start from weights.safetensors: damage is one line and status 2."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from minitorch_cv import models
from minitorch_cv.cli import main
from minitorch_cv.train import save_weights

FACTS = {"model": "lenet", "options": {}, "in_channels": 1, "classes": ["cat", "dog"], "resize": 28}


@pytest.fixture
def weights(tmp_path):
    """The weights of a finished run."""
    path = tmp_path / "run" / "weights.safetensors"
    path.parent.mkdir()
    save_weights(models.build("lenet", {"num_classes": 2}), path, FACTS)
    return path


def flip_a_bit_of_the_numbers(path):
    content = bytearray(path.read_bytes())
    content[-1000] ^= 4
    path.write_bytes(content)


def change_a_class(path):
    path.write_bytes(path.read_bytes().replace(b"dog", b"god"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


def empty(path):
    path.write_bytes(b"")


def torchs(path):
    path.write_bytes(b"PK\x03\x04" + bytes(100))


def describe_much(path):
    save_file({"w": np.zeros(3, "f4")}, path, {"minitorch_cv": json.dumps({**FACTS, "in_channels": 10**9})})


def describe_nothing(path):
    save_file({"w": np.zeros(3, "f4")}, path, {"minitorch_cv": "null"})


DAMAGES = {
    flip_a_bit_of_the_numbers: "damaged: its content does not have the SHA-256 it was saved with",
    change_a_class: "damaged: its content does not have the SHA-256 it was saved with",
    cut: "truncated, damaged or no safetensors file",
    empty: "truncated, damaged or no safetensors file",
    torchs: "a zip archive or pickle, as torch.save writes",
    describe_much: "says that in_channels is 1000000000, which should be a whole number from 1 to 10,000",
    describe_nothing: "does not say which network it is of",
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("command", ["predict", "export", "finetune"])
def test_damage_is_one_line_and_status_2(weights, tmp_path, capsys, command, damage):
    Image.new("L", (28, 28)).save(tmp_path / "x.png")
    damage(weights)
    rest = {
        "predict": [str(tmp_path / "x.png")],
        "export": [str(tmp_path / "net.onnx")],
        "finetune": ["--data", str(tmp_path), "--out", str(tmp_path / "out")],
    }
    assert main([command, str(weights.parent), *rest[command]]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"minitorch-cv: error: {weights}: ")
    assert DAMAGES[damage] in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert not (tmp_path / "out").exists()
