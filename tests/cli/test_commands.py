"""The command line as a whole, and its short commands."""

import json
import re
import subprocess
import sys

import pytest

import minitorch_cv
from minitorch_cv.cli import main
from minitorch_cv.cli import train as train_command
from minitorch_cv.cli.errors import say_error
from minitorch_cv.data.published import FASHION_MNIST


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train"], "Missing argument"),
        (["trian"], "'trian'"),
        (["train", "lenet", "--epochs", "many"], "--epochs"),
        (["train", "lenet", "--frobnicate"], "--frobnicate"),
    ],
)
def test_a_command_line_that_cannot_be_parsed_is_an_error_of_one_line(capsys, arguments, words):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("minitorch-cv: error: ")
    assert words in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"minitorch-cv {minitorch_cv.__version__}, Python 3.")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(capsys, arguments):
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    for command in ("train", "gradcheck", "data", "doctor"):
        assert re.search(rf"^\W*{command} ", shown, re.MULTILINE)


def test_help_of_train_groups_its_options_and_lists_the_networks(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("data", "limit", "out"):
        assert re.search(rf"--{option} .*not given", shown), option
    panels = re.split(r"╭─ (.*?) ─+╮", shown)
    titles = dict(zip(panels[1::2], panels[2::2]))
    assert list(titles) == ["Arguments", "Options", train_command.RECIPE, *PANELS]
    for title, options in PANELS.items():
        for option in options:
            assert f"--{option} " in titles[title], option
    names = " ".join(re.sub(r"[│\s]+", " ", titles["Arguments"]).split())
    for name in minitorch_cv.models.BOOK:
        assert re.search(rf"\b{name}\b", names), name


PANELS = {
    "Learning-rate schedule": ["schedule", "gamma", "every", "milestones", "warmup"],
    "Against overfitting": ["augment", "mixup", "cutmix", "label-smoothing", "clip-norm", "ema", "patience"],
    "Data": ["dataset", "data", "limit"],
    "Keeping and resuming": ["out", "resume", "checkpoint-every", "tensorboard"],
}


def test_data_verifies_the_four_files(capsys):
    assert main(["data", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["train_images"], found["test_images"]) == (6000, 1000)
    assert [file["count"] for file in found["files"]] == [6000, 6000, 1000, 1000]
    assert [file["sha256"] for file in found["files"]] == [
        content.sha256 for content in FASHION_MNIST.embedded.values()
    ]
    assert main(["data"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("SHA-256 verified") == 4
    assert shown.endswith("Fashion-MNIST: 6,000 training and 1,000 test images, all four files right\n")


@pytest.mark.parametrize(("passed", "status"), [(True, 0), (False, 1)])
def test_gradcheck_hands_on_the_pattern_and_the_result(monkeypatch, passed, status):
    calls = []

    def run(pattern, networks, device):
        calls.append((pattern, networks, device))
        return passed

    monkeypatch.setattr(sys.modules["minitorch_cv.gradcheck"], "run", run)
    assert main(["gradcheck", "conv2d"]) == status
    assert main(["gradcheck"]) == status
    assert main(["gradcheck", "--networks", "--device", "cuda-sim", "VGG"]) == status
    assert calls == [("conv2d", False, "cpu"), (None, False, "cpu"), ("VGG", True, "cuda-sim")]


def test_ctrl_c_ends_any_command_with_its_status(monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("minitorch_cv.doctor.facts", interrupt)
    assert main(["doctor"]) == 130


def test_doctor_shows_all_groups(capsys):
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["versions", "processor", "cuda", "caches", "data"]
    assert found["data"]["$MINITORCH_CV_DATA"] == "not set"
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for label in ("vector width (bits)", "threading layer", "CUDA", "caches", "built-in subset"):
        assert label in shown


def test_the_command_line_starts_without_heavy_libraries():
    heavy = ("numba", "matplotlib", "PIL", "rich.progress", "requests", "torch")
    code = f"import sys, minitorch_cv.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_an_error_is_one_line_whatever_its_message(capsys):
    say_error("first line\n  second line")
    assert capsys.readouterr().err == "minitorch-cv: error: first line second line\n"


def test_doctor_shows_brackets_as_they_are(monkeypatch, capsys):
    monkeypatch.setattr("minitorch_cv.doctor.facts", lambda: {"cuda": {"gpu": "install 'minitorch-cv[cuda12]'"}})
    assert main(["doctor"]) == 0
    assert "install 'minitorch-cv[cuda12]'" in capsys.readouterr().out
