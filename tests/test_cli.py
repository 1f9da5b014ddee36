import json
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

import minitorch_cv
from minitorch_cv import nn
from minitorch_cv.cli import main, run
from minitorch_cv.cli import train as train_command
from minitorch_cv.cli.display import Display
from minitorch_cv.cli.errors import say_error
from minitorch_cv.data import DataError, sources
from minitorch_cv.data.published import FASHION_MNIST
from minitorch_cv.optim import SGD
from minitorch_cv.train import Epoch, load_weights
from minitorch_cv.train.run_folder import FILES

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"
CHECKPOINTS = ("checkpoint-00002-0000000.safetensors", "checkpoint-00003-0000000.safetensors")
KEYS = ["model", "data", "device", "epochs", "train_loss", "train_acc", "test_acc", "images_per_second", "seconds"]


@pytest.fixture(autouse=True)
def only_the_built_in_subset(monkeypatch, tmp_path):
    """No variable, system copy, cache or network: every run trains on the built-in subset."""

    def offline(published, folder):
        raise DataError("offline")

    monkeypatch.delenv(sources.VARIABLE, raising=False)
    monkeypatch.setattr(sources, "SYSTEM_FOLDERS", (tmp_path / "no-system-copy",))
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "no-cache")
    monkeypatch.setattr(sources, "download", offline)
    sources.download_failure.cache_clear()
    sources.announce_subset.cache_clear()


@pytest.fixture(autouse=True)
def quick_kernels():
    """NumPy's references where Numba does not compile: interpreted kernels would take minutes."""
    with minitorch_cv.use("reference") if INTERPRETED else nullcontext():
        yield


@pytest.fixture
def out(tmp_path):
    """The folder of the run."""
    return tmp_path / "run"


@pytest.fixture
def train(out):
    """Trains two epochs of two batches, with further options; returns the exit status."""

    def command(*options):
        small = ("--limit", "16", "--batch-size", "8", "--epochs", "2", "--out", str(out))
        return main(["train", "lenet", *small, *options])

    return command


def metrics(out):
    """The lines of the metrics, without what a clock measured."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: line[name] for name in ("epoch", "train_loss", "train_acc", "test_acc")} for line in lines]


def at_step(monkeypatch, epoch, batch, action):
    """Do something right after this batch."""
    original = Display.step

    def step(display, reached):
        original(display, reached)
        if (reached.epoch, reached.batch) == (epoch, batch):
            action()

    monkeypatch.setattr(Display, "step", step)


def test_a_run_shows_a_header_a_line_per_epoch_and_the_test_accuracy(train, out, capsys):
    assert train() == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == f"minitorch-cv {minitorch_cv.__version__}: lenet on Fashion-MNIST"
    assert re.fullmatch(r"  machine   .+, \d+ cores, \d+ threads", lines[1])
    source = "embedded subset (6,000 training images), 28x28 pixels"
    assert lines[2] == f"  data      16 training and 16 test images from {source}"
    assert lines[3] == "  model     lenet with activation sigmoid, 61,706 parameters"
    assert lines[4] == "  settings  2 epochs, batch 8, sgd with learning rate 0.9, seed 0, cpu"
    assert lines[5] == "  source    batch-size, epochs, limit as given, the rest from the book"
    assert lines[6] == f"  folder    {out}"
    first, second = metrics(out)
    for epoch in (first, second):
        text = f"{epoch['epoch']}/2  {epoch['train_loss']:10.4f}  {epoch['train_acc']:9.3f}  {epoch['test_acc']:8.3f}"
        assert sum(text in line for line in lines) == 1
    assert f"test accuracy {second['test_acc']:.4f} after 2 epochs" in lines[-2]
    assert lines[-1] == f"saved in {out}: {', '.join(FILES + CHECKPOINTS)}"
    assert "\x1b" not in shown.out
    assert "━" not in shown.out
    assert shown.err.count("\n") == 1
    assert "using the built-in subset of 6,000 training and 1,000 test images" in shown.err


def test_a_run_leaves_its_files(train, out):
    train("--activation", "relu", "--lr", "0.1", "--seed", "3")
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES + CHECKPOINTS)
    assert [line["epoch"] for line in metrics(out)] == [1, 2]
    for name in ("curves.png", "predictions.png"):
        with Image.open(out / name) as picture:
            assert picture.format == "PNG"
            assert min(picture.size) > 300
            assert len(np.unique(np.asarray(picture))) > 20
    config = json.loads((out / "config.json").read_text())
    chosen = {
        "model": "lenet",
        "options": {"activation": "relu"},
        "epochs": 2,
        "batch_size": 8,
        "lr": 0.1,
        "seed": 3,
        "limit": 16,
    }
    assert chosen.items() <= config.items()
    assert config["versions"]["minitorch_cv"] == minitorch_cv.__version__


def test_the_weights_rebuild_the_trained_network(train, out):
    train("--activation", "tanh", "--lr", "0.1")
    network = minitorch_cv.models.lenet(activation="tanh")
    kept = load_weights(network, out / "weights.safetensors")
    assert (kept["model"], kept["options"], kept["trained"]) == ("lenet", {"activation": "tanh"}, "2 epochs")
    assert (kept["in_channels"], kept["resize"], kept["classes"][8]) == (1, 28, "Bag")
    assert float(kept["test_acc"]) == metrics(out)[-1]["test_acc"]
    test_set = run.first(minitorch_cv.data.FashionMNIST(train=False), 16)
    assert minitorch_cv.train.evaluate(network, run.DataLoader(test_set, 16)) == metrics(out)[-1]["test_acc"]


def test_json_is_one_object_and_alone_on_stdout(train, out, capsys):
    assert train("--json") == 0
    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    result = json.loads(line)
    assert list(result) == KEYS
    last = metrics(out)[-1]
    assert {name: result[name] for name in ("train_loss", "train_acc", "test_acc")}.items() <= last.items()
    assert (result["model"], result["device"], result["epochs"]) == ("lenet", "cpu", 2)
    assert result["data"] == "embedded subset (6,000 training images)"
    assert result["images_per_second"] > 0
    assert result["seconds"] > 0
    assert "lenet on Fashion-MNIST" in shown.err
    assert f"saved in {out}" in shown.err


def test_images_per_second_are_those_of_the_median_epoch(train, monkeypatch, capsys):
    epochs = [Epoch(n, 1.0, 0.5, 0.25, speed, 1.0) for n, speed in enumerate((100.0, 2000.0, 3000.0), 1)]

    def fit(*arguments, progress, on_epoch, **options):
        for epoch in epochs:
            progress.history.append(epoch)
            on_epoch(epoch)

    monkeypatch.setattr(run, "fit", fit)
    train("--json")
    assert json.loads(capsys.readouterr().out)["images_per_second"] == 2000.0


def test_the_same_seed_gives_the_same_run_and_another_seed_another(train, out):
    runs = []
    for seed in ("5", "5", "6"):
        assert train("--seed", seed) == 0
        runs.append((metrics(out), (out / "weights.safetensors").read_bytes()[-4 * 61706 :]))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_options_reach_the_training(train, monkeypatch):
    seen = {}
    monkeypatch.setattr(
        run, "fit", lambda model, *loaders, **options: seen.update(options, model=model, loaders=loaders)
    )
    train("--lr", "0.25", "--activation", "relu", "--epochs", "7", "--batch-size", "5", "--limit", "11")
    assert seen["epochs"] == 7
    assert isinstance(seen["optimizer"], SGD)
    assert [group["lr"] for group in seen["optimizer"].param_groups] == [0.25]
    assert isinstance(seen["model"].features.act1, nn.ReLU)
    train_loader, test_loader = seen["loaders"]
    assert [len(labels) for _, labels in train_loader] == [5, 5, 1]
    assert [len(labels) for _, labels in test_loader] == [5, 5, 1]
    assert (train_loader.shuffle, test_loader.loader.shuffle) == (True, False)


def test_the_defaults_are_the_books(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run.Run, "carry_out", lambda self: 0)
    made = []
    original = run.Run.__init__
    monkeypatch.setattr(
        run.Run, "__init__", lambda self, *given, **named: (original(self, *given, **named), made.append(self))[0]
    )
    assert main(["train", "lenet"]) == 0
    (only,) = made
    settings = only.settings
    assert (settings.epochs, settings.batch_size, settings.lr, settings.resize) == (10, 256, 0.9, 28)
    assert settings.options == {"activation": "sigmoid"}
    assert (settings.seed, settings.limit, settings.device) == (0, None, "cpu")
    assert (len(only.train_set), len(only.test_set)) == (6000, 1000)
    assert re.fullmatch(r"runs/lenet-\d{8}-\d{6}", only.folder.path.as_posix())


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_ctrl_c_keeps_what_was_reached(train, out, monkeypatch, capsys, options):
    at_step(monkeypatch, 2, 1, lambda: signal.raise_signal(signal.SIGINT))
    assert train(*options) == 130
    shown = capsys.readouterr()
    text = shown.err if options else shown.out
    assert "stopped by Ctrl-C in epoch 2 of 2, after batch 1 of 2 (in this epoch: loss " in text
    saved = ["checkpoint-00002-0000000.safetensors", "checkpoint-00002-0000001.safetensors"]
    assert f"saved in {out}: {', '.join([*FILES, *saved])}" in text
    assert "Traceback" not in shown.err
    assert [line["epoch"] for line in metrics(out)] == [1]
    with safe_open(out / "weights.safetensors", framework="numpy") as file:
        metadata = json.loads(file.metadata()["minitorch_cv"])
    assert metadata["trained"].startswith("in epoch 2 of 2, after batch 1 of 2")
    assert "test_acc" not in metadata, "these weights were never tested"
    if options:
        result = json.loads(shown.out)
        assert (result["epochs"], result["test_acc"]) == (1, metrics(out)[0]["test_acc"])


def test_ctrl_c_before_the_first_batch(train, out, monkeypatch, capsys):
    def fit(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "fit", fit)
    assert train("--json") == 130
    shown = capsys.readouterr()
    assert "stopped by Ctrl-C before the first batch was done" in shown.err
    assert [path.name for path in out.iterdir()] == ["config.json"]
    result = json.loads(shown.out)
    assert list(result) == KEYS
    assert (result["epochs"], result["test_acc"]) == (0, None)


def break_loss(monkeypatch, call):
    """Make the loss NaN in this call."""
    calls = []
    cross_entropy = nn.functional.cross_entropy

    def loss(logits, labels, label_smoothing):
        calls.append(1)
        return cross_entropy(logits, labels) * (float("nan") if len(calls) == call else 1.0)

    monkeypatch.setattr(run.functional, "cross_entropy", loss)


def test_a_loss_that_is_not_finite_ends_the_run(train, out, monkeypatch, capsys):
    break_loss(monkeypatch, 4)
    assert train() == 1
    shown = capsys.readouterr()
    assert shown.err.splitlines()[-1] == (
        "minitorch-cv: error: the loss became nan in epoch 2, batch 2 of 2, with learning rate 0.9: "
        "the steps are too large; try a smaller one, for instance 0.09"
    )
    assert f"saved in {out}: {', '.join(FILES)}, checkpoint-00002-0000000.safetensors\n" in shown.out
    assert [line["epoch"] for line in metrics(out)] == [1]


def test_weights_that_are_not_finite_are_not_kept(train, out, monkeypatch, capsys):
    networks = []
    build = minitorch_cv.models.build
    monkeypatch.setattr(minitorch_cv.models, "build", lambda *given: networks.append(build(*given)) or networks[-1])
    at_step(monkeypatch, 2, 1, lambda: networks[0].classifier.fc3.bias.data.fill_(float("nan")))
    assert train("--json") == 1
    shown = capsys.readouterr()
    assert "the loss became nan in epoch 2, batch 2 of 2" in shown.err
    names = ["checkpoint-00002-0000000.safetensors", "config.json", "curves.png", "metrics.jsonl"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert json.loads(shown.out)["epochs"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "-1"], "--epochs -1: must be at least 1"),
        (["--epochs", "0"], "--epochs 0: must be at least 1"),
        (["--batch-size", "0"], "--batch-size 0: must be at least 1"),
        (["--limit", "0"], "--limit 0: must be at least 1"),
        (["--lr", "0"], "--lr 0: must be a positive number, for instance 0.1"),
        (["--lr", "-0.5"], "--lr -0.5: must be a positive number, for instance 0.1"),
        (["--lr", "nan"], "--lr nan: must be a positive number, for instance 0.1"),
        (["--lr", "inf"], "--lr inf: must be a positive number, for instance 0.1"),
        (
            ["--device", "cuda"],
            "device 'cuda': this version of minitorch_cv computes on the CPU only; use device='cpu'",
        ),
        (["--device", "gpu"], "unknown device 'gpu'; choose 'cpu', 'cuda' or 'cuda:0'"),
        (["--resize", "0"], "--resize 0: must be at least 1"),
        (["--momentum", "1"], "--momentum 1: must be from 0 to below 1"),
        (["--momentum", "0.9", "--optimizer", "adam"], "--momentum is for --optimizer sgd or rmsprop, not for adam"),
        (["--weight-decay", "-1"], "--weight-decay -1: must be 0 or more"),
        (["--label-smoothing", "1"], "--label-smoothing 1: must be from 0 to below 1"),
        (["--ema", "1"], "--ema 1: must be from 0 to below 1"),
        (["--mixup", "0.2", "--cutmix", "1"], "--mixup and --cutmix exclude each other; give one of them"),
        (
            ["--optimizer", "lion"],
            "--optimizer lion: choose one of sgd, adam, adamw, rmsprop, adagrad, adadelta",
        ),
        (
            ["--schedule", "linear"],
            "--schedule linear: choose one of none, step, multistep, exponential, inverse-time, cosine, one-cycle, "
            "plateau",
        ),
        (
            ["--gamma", "0.5"],
            "--gamma is for --schedule step or multistep or exponential or inverse-time or plateau, not for none",
        ),
        (["--schedule", "step", "--gamma", "1"], "--gamma 1: must be between 0 and 1"),
        (["--schedule", "step", "--warmup", "1"], "--warmup is for --schedule cosine, not for step"),
        (["--schedule", "step", "--milestones", "1"], "--milestones is for --schedule multistep, not for step"),
        (
            ["--schedule", "multistep", "--milestones", "5,x"],
            "--milestones 5,x: must be rising numbers of epochs, for instance 5,8",
        ),
        (["--schedule", "cosine", "--warmup", "2"], "--warmup 2: must be less than the 2 epochs"),
        (["--option", "ratio"], "--option ratio: must be NAME=VALUE, for instance num_classes=5"),
    ],
)
def test_a_setting_without_sense_is_an_error_of_one_line(train, out, capsys, options, message):
    assert train(*options) == 2
    shown = capsys.readouterr()
    assert shown.err == f"minitorch-cv: error: {message}\n"
    assert shown.out == ""
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--activation", "sine"], "LeNet: activation='sine'; choose one of sigmoid, relu, tanh"),
        (
            ["--option", "ratio=4"],
            "lenet has no option 'ratio'; choose among: in_channels, num_classes, activation",
        ),
        (
            ["--option", "num_classes=5"],
            "--option num_classes=5: the data have 10 classes; leave the option out",
        ),
    ],
)
def test_an_option_that_the_network_does_not_take(train, out, capsys, options, message):
    assert train(*options) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"minitorch-cv: error: {message}"
    assert not out.exists()


def test_images_of_a_size_that_the_network_does_not_take(train, capsys):
    assert train("--resize", "32") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "minitorch-cv: error: LeNet: takes images of shape (N, 1, 28, 28), got (8, 1, 32, 32); resize them to (28, 28)"
    )


def test_an_unknown_model(capsys):
    assert main(["train", "lenett"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("minitorch-cv: error: unknown model 'lenett'; choose one of: ")
    assert error.endswith(" (did you mean 'lenet'?)\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["train", "lenet"], ["data", "--no-download"]])
def test_a_data_folder_without_data(arguments, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main([*arguments, "--data", str(tmp_path / "empty")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"minitorch-cv: error: {tmp_path / 'empty'}: ")
    assert error.count("\n") == 1


def test_a_data_folder_that_cannot_be_read(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["train", "lenet", "--data", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"minitorch-cv: error: {tmp_path / 'file'}: the data folder cannot be read (Not a directory); check the path"
    )
    assert error.count("\n") == 1


def test_a_run_folder_that_cannot_be_made(train, out, capsys):
    out.write_text("in the way")
    assert train() == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == (
        f"minitorch-cv: error: cannot write to the folder {out} (File exists); choose another one with --out"
    )


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

    def run(pattern, networks):
        calls.append((pattern, networks))
        return passed

    monkeypatch.setattr(sys.modules["minitorch_cv.gradcheck"], "run", run)
    assert main(["gradcheck", "conv2d"]) == status
    assert main(["gradcheck"]) == status
    assert main(["gradcheck", "--networks", "VGG"]) == status
    assert calls == [("conv2d", False), (None, False), ("VGG", True)]


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
