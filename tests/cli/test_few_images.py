"""Runs on few images: settings that learn, and what is said of a loss that stays where guessing is."""

import contextvars
import re
from types import SimpleNamespace

import pytest

from minitorch_cv.cli import main, run
from minitorch_cv.cli.few_images import adapted, no_better_than_guessing, warning
from minitorch_cv.cli.settings import new_settings
from minitorch_cv.train import Epoch

from .runs import metrics

BUILT_IN = SimpleNamespace(built_in=True, train=range(6000))
ALL = SimpleNamespace(built_in=False, train=range(60000))


def settings_of(model, given, sets=BUILT_IN):
    return adapted(new_settings(model, given), sets, given)


@pytest.mark.parametrize(
    ("model", "given", "epochs", "batch_size", "milestones"),
    [
        ("lenet", {}, 50, 64, [45]),
        ("lenet", {"options": {"activation": "relu"}}, 40, 64, [36]),
        ("lenet", {"options": {"activation": "tanh"}}, 40, 64, [36]),
        ("lenet", {"lr": 0.5, "seed": 3}, 50, 64, [45]),
        ("lenet", {"batch_size": 32}, 50, 32, [45]),
        ("lenet", {"schedule": "cosine"}, 50, 64, []),
        ("lenet", {"schedule": "multistep", "milestones": [9]}, 50, 64, [9]),
        ("mlp", {}, 100, 256, []),
        ("nin", {"resize": 64}, 100, 128, []),
        ("mobilenet_v2", {}, 100, 128, []),
    ],
)
def test_the_built_in_subset_is_trained_on_until_something_is_learned(model, given, epochs, batch_size, milestones):
    settings, said = settings_of(model, given)
    assert (settings.epochs, settings.batch_size, settings.milestones) == (epochs, batch_size, milestones)
    assert said.startswith(f"{epochs} epochs of batches of {batch_size}")
    assert "60,000 images" in said
    assert warning(settings, 6000) == ""
    assert {name: getattr(settings, name) for name in given if name != "options"} == {
        name: value for name, value in given.items() if name != "options"
    }


@pytest.mark.parametrize("given", [{"epochs": 2}, {"limit": 600}, {"per_class": 5}, {"classes": ["Bag", "Coat"]}])
def test_who_chose_the_images_or_the_epochs_gets_them(given):
    settings, said = settings_of("lenet", given)
    assert settings == new_settings("lenet", given)
    assert said == ""


def test_all_images_are_trained_on_as_the_book_does():
    settings, said = settings_of("lenet", {}, ALL)
    assert (settings.epochs, settings.batch_size, settings.schedule, said) == (10, 256, "none", "")


@pytest.mark.parametrize(
    ("model", "given", "images", "epochs"),
    [
        ("lenet", {"epochs": 2}, 6000, 14),
        ("lenet", {"epochs": 10}, 3000, 27),
        ("lenet", {"epochs": 10, "lr": 0.1}, 6000, 14),
        ("lenet", {"epochs": 3, "optimizer": "adam", "batch_size": 64}, 64, 20),
        ("bn_lenet", {"epochs": 2}, 1000, 5),
        ("mlp", {"epochs": 1, "batch_size": 100}, 3000, 3),
        ("alexnet", {"epochs": 3}, 6000, 4),
        ("nin", {"epochs": 10}, 6000, 27),
        ("softmax_regression", {"epochs": 1, "batch_size": 100}, 3000, None),
        ("lenet", {"epochs": 2}, 60000, None),
        ("lenet", {"epochs": 2, "optimizer": "adam"}, 6000, None),
    ],
)
def test_too_few_steps_are_named_before_the_training(model, given, images, epochs):
    said = warning(new_settings(model, given), images)
    assert said == "" if epochs is None else said.endswith(f"try --epochs {epochs}")
    if epochs:
        assert warning(new_settings(model, {**given, "epochs": epochs}), images) == ""


@pytest.mark.parametrize(
    ("given", "classes", "loss", "accuracy", "advice"),
    [
        ({"epochs": 1}, 10, 2.31, 0.1, "it needs more steps: --epochs 14"),
        ({"epochs": 20, "lr": 5.0}, 10, 2.31, 0.1, "try the learning rate of its recipe: --lr 0.9"),
        ({"epochs": 20}, 10, 2.31, 0.1, "try more steps (--epochs 40) or --optimizer adam --lr 0.001"),
        ({"epochs": 20, "optimizer": "adam"}, 10, 2.31, 0.1, "try more steps (--epochs 40)"),
        ({"epochs": 20}, 2, 0.69, 0.5, "ln 2 = 0.693 is what guessing among 2 classes gives"),
        ({"epochs": 20}, 10, 31.0, 0.1, "its loss is 31.000"),
        ({"epochs": 20}, 10, 1.9, 0.3, None),
        ({"epochs": 20}, 10, 2.5, 0.4, None),  # an average over an epoch that began badly
        ({"epochs": 20}, 2, 0.3, 0.9, None),
        ({"epochs": 20}, 1, 0.0, 1.0, None),
    ],
)
def test_a_loss_like_that_of_guessing_is_explained(given, classes, loss, accuracy, advice):
    epoch = Epoch(given["epochs"], loss, accuracy, accuracy, 1.0, 1.0)
    said = no_better_than_guessing(new_settings("lenet", given), 6000, classes, epoch)
    assert said == "" if advice is None else advice in said


def test_a_run_without_data_says_what_it_changed_and_learns_with_it(out, monkeypatch, capsys):
    monkeypatch.setattr(run, "fit", lambda *loaders, **options: given.update(options, batch=loaders[1].batch_size))
    given = {}
    assert main(["train", "lenet", "--out", str(out)]) == 0
    assert (given["epochs"], given["batch"], given["schedule_per"]) == (50, 64, "epoch")
    lines = capsys.readouterr().out.splitlines()
    (changed,) = (line for line in lines if line.startswith("  changed "))
    assert "50 epochs of batches of 64 and schedule multistep, not 10 epochs of batches of 256" in changed
    assert not any(line.startswith("  note ") for line in lines)


def test_a_run_that_goes_on_keeps_its_settings(train, out, capsys):
    assert train() == 0
    capsys.readouterr()
    assert main(["train", "lenet", "--resume", str(out), "--epochs", "3"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"settings  3 epochs, batch 8,", shown)
    assert "  changed " not in shown


@pytest.mark.networks
@pytest.mark.parametrize(("options", "least"), [((), 0.80), (("--activation", "relu"), 0.85), (("--seed", "1"), 0.80)])
def test_lenet_learns_without_data_and_network(out, options, least):
    compiled = contextvars.Context()  # where the fixture's choice of the reference kernels does not hold
    assert compiled.run(main, ["train", "lenet", *options, "--out", str(out)]) == 0
    assert metrics(out)[-1]["test_acc"] >= least
