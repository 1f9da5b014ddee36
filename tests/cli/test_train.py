"""`minitorch-cv train`: what a run shows and leaves behind."""

import json
import re
import signal

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

import minitorch_cv
from minitorch_cv import nn
from minitorch_cv.cli import main, run
from minitorch_cv.optim import SGD
from minitorch_cv.train import Epoch, load_weights
from minitorch_cv.train.run_folder import FILES

from .runs import at_step, metrics

CHECKPOINTS = ("checkpoint-00002-0000000.safetensors", "checkpoint-00003-0000000.safetensors")
KEYS = ["model", "data", "device", "epochs", "train_loss", "train_acc", "test_acc", "images_per_second", "seconds"]


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
    assert lines[7].startswith("  note      4 steps, too few to learn from")
    assert f"test accuracy {second['test_acc']:.4f} after 2 epochs" in lines[-3]
    assert lines[-2].startswith(f"the network guesses: its loss is {second['train_loss']:.3f}, and ln 10 = 2.303")
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
    assert main(["train", "lenet", "--limit", "6000"]) == 0  # not the built-in subset as such, which has its own
    (only,) = made
    settings = only.settings
    assert (settings.epochs, settings.batch_size, settings.lr, settings.resize) == (10, 256, 0.9, 28)
    assert settings.options == {"activation": "sigmoid"}
    assert (settings.seed, settings.limit, settings.device) == (0, 6000, "cpu")
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


def test_compiled_training_gives_the_same_run(train, out, tmp_path):
    assert train() == 0
    eager = metrics(out)
    out.rename(tmp_path / "eager")
    assert train("--compile", "--epochs", "3") == 0
    assert metrics(out)[:2] == eager


def test_a_run_that_goes_on_is_told_what_it_can_do(train, out, monkeypatch, capsys):
    assert train() == 0
    break_loss(monkeypatch, 1)
    capsys.readouterr()
    assert main(["train", "lenet", "--resume", str(out), "--epochs", "3"]) == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith("the steps are too large; begin anew with --lr 0.09, as a run that goes on keeps its learning rate")
    )


def test_a_rate_far_above_the_recipes_is_brought_back_to_it(train, monkeypatch, capsys):
    break_loss(monkeypatch, 2)
    assert train("--lr", "1e9") == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("; try a smaller one, for instance 0.9")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("options", [("--checkpoint-every", "1"), ("--epochs", "1", "--limit", "8"), ("--compile",)])
def test_weights_that_overflowed_are_no_checkpoint(train, out, capsys, options):
    assert train("--activation", "relu", "--lr", "1e39", *options) == 1
    shown = capsys.readouterr()
    assert "the steps are too large" in shown.err
    assert "Traceback" not in shown.err
    assert not list(out.glob("checkpoint-*"))
    assert not (out / "weights.safetensors").exists()


def test_weights_that_overflow_later_leave_the_checkpoint_before(train, out, monkeypatch, capsys):
    networks = []
    build = minitorch_cv.models.build
    monkeypatch.setattr(minitorch_cv.models, "build", lambda *given: networks.append(build(*given)) or networks[-1])
    at_step(monkeypatch, 2, 2, lambda: networks[0].classifier.fc3.bias.data.fill_(float("inf")))
    assert train() == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "classifier.fc3.bias has come to hold inf at element 0 after epoch 2 of 2" in error
    assert "and this is not saved" in error
    assert [path.name for path in out.glob("checkpoint-*")] == ["checkpoint-00002-0000000.safetensors"]


@pytest.mark.parametrize(
    ("network", "images", "batch", "batches"),
    [("bn_lenet", 9, 4, 2), ("bn_lenet", 8, 4, 2), ("bn_lenet", 10, 4, 3), ("lenet", 9, 4, 3), ("bn_lenet", 3, 2, 1)],
)
def test_a_last_batch_of_one_image(out, capsys, network, images, batch, batches):
    options = ["--limit", str(images), "--batch-size", str(batch), "--epochs", "1", "--out", str(out)]
    assert main(["train", network, *options, "--checkpoint-every", "1", "--lr", "0.01"]) == 0
    shown = capsys.readouterr().out
    left_out = network == "bn_lenet" and images % batch == 1
    assert ("the last image of each epoch is left out" in shown) == left_out
    names = sorted(path.name for path in out.glob("checkpoint-*"))
    assert names == [f"checkpoint-00001-{batches:07d}.safetensors", "checkpoint-00002-0000000.safetensors"]
    assert main(["train", network, "--resume", str(out), "--epochs", "2"]) == 0


def test_one_image_alone_is_too_few_for_batch_norm(out, capsys):
    assert main(["train", "bn_lenet", "--limit", "1", "--epochs", "1", "--out", str(out)]) == 2
    assert "more than one value per channel" in capsys.readouterr().err
