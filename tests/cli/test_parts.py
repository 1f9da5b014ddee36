"""From settings to optimizers, schedules and what mixes images."""

import pytest

from minitorch_cv import optim
from minitorch_cv.cli.parts import make_mix, make_optimizer, make_schedule
from minitorch_cv.cli.settings import SettingsError, new_settings, parse_numbers
from minitorch_cv.cli.wording import extra_settings
from minitorch_cv.data import CutMix, MixUp
from minitorch_cv.nn import Linear
from minitorch_cv.random import Generator

EPOCHS, BATCHES = 10, 4


def rates(schedule, **options):
    """The learning rate in each epoch (its first batch's, for a schedule per batch)."""
    settings = new_settings("lenet", {"lr": 1.0, "epochs": EPOCHS, "schedule": schedule, **options})
    optimizer = make_optimizer(settings, Linear(2, 2))
    scheduler, per = make_schedule(settings, optimizer, BATCHES)
    seen = []
    for _ in range(EPOCHS):
        seen.append(optimizer.param_groups[0]["lr"])
        for _ in range(BATCHES if per == "batch" else 1):
            scheduler.step()
    return seen


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sgd", optim.SGD),
        ("adam", optim.Adam),
        ("adamw", optim.AdamW),
        ("rmsprop", optim.RMSprop),
        ("adagrad", optim.Adagrad),
        ("adadelta", optim.Adadelta),
    ],
)
def test_optimizers(name, kind):
    settings = new_settings("lenet", {"optimizer": name, "lr": 0.25, "weight_decay": 0.125})
    optimizer = make_optimizer(settings, Linear(2, 2))
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.25, 0.125)


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_momentum(name):
    settings = new_settings("lenet", {"optimizer": name, "momentum": 0.9})
    assert make_optimizer(settings, Linear(2, 2)).param_groups[0]["momentum"] == 0.9


def test_no_schedule():
    settings = new_settings("lenet", {})
    assert make_schedule(settings, make_optimizer(settings, Linear(2, 2)), BATCHES) == (None, "epoch")


@pytest.mark.parametrize(
    ("schedule", "options", "expected"),
    [
        ("step", {}, [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001]),
        ("step", {"every": 5, "gamma": 0.5}, [1] * 5 + [0.5] * 5),
        ("multistep", {}, [1] * 5 + [0.1] * 2 + [0.01] * 3),
        ("multistep", {"milestones": [1, 9], "gamma": 0.5}, [1] + [0.5] * 8 + [0.25]),
        ("exponential", {"gamma": 0.5}, [0.5**n for n in range(10)]),
        ("inverse-time", {"gamma": 0.5}, [1 / (1 + 0.5 * n) for n in range(10)]),
    ],
)
def test_schedules(schedule, options, expected):
    assert rates(schedule, **options) == pytest.approx(expected)


def test_cosine_rises_over_the_warm_up_and_falls_to_nothing():
    seen = rates("cosine", warmup=2)
    assert seen[:3] == pytest.approx([0, 0.5, 1])
    assert seen[6] == pytest.approx(0.5)
    assert seen[2:] == sorted(seen[2:], reverse=True)
    assert 0 < seen[-1] < 0.05


def test_one_cycle_rises_and_falls():
    seen = rates("one-cycle")
    assert seen[0] == pytest.approx(1 / 25)
    assert max(seen) == seen[3] == pytest.approx(1, abs=0.03)
    assert seen[-1] < 0.1


def test_a_plateau_is_waited_for():
    settings = new_settings("lenet", {"lr": 1.0, "schedule": "plateau", "every": 1})
    optimizer = make_optimizer(settings, Linear(2, 2))
    scheduler, per = make_schedule(settings, optimizer, BATCHES)
    assert per == "epoch"
    for loss in (1.0, 1.0, 1.0):
        scheduler.step(loss)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)


def test_mixing():
    generator = Generator()
    assert make_mix(new_settings("lenet", {}), 10, generator) is None
    for option, kind in (("mixup", MixUp), ("cutmix", CutMix)):
        mix = make_mix(new_settings("lenet", {option: 0.25}), 7, generator)
        assert type(mix) is kind
        assert (mix.alpha, mix.num_classes, mix.generator) == (0.25, 7, generator)


def test_extras_in_words():
    given = {"schedule": "multistep", "milestones": [3, 6], "momentum": 0.9, "augment": ["flip", "crop"]}
    assert extra_settings(new_settings("lenet", given)) == (
        "schedule multistep gamma 0.1 milestones 3 and 6, momentum 0.9, augment flip and crop"
    )
    assert extra_settings(new_settings("lenet", {})) == ""


@pytest.mark.parametrize("text", ["", "5,", "5,5", "8,5", "-1", "1.5", "a"])
def test_milestones_that_are_none(text):
    with pytest.raises(SettingsError, match="must be rising numbers of epochs"):
        parse_numbers(text)


def test_a_recipe_gives_what_is_not_given():
    settings = new_settings("vgg11", {"lr": 0.5, "options": {"dropout": 0.25}})
    assert (settings.lr, settings.batch_size, settings.resize) == (0.5, 128, 224)
    assert settings.options == {"ratio": 4, "dropout": 0.25}
    assert new_settings("efficientnet_b0", {}).optimizer == "adamw"


def test_another_optimizer_takes_no_momentum_from_the_recipe():
    assert new_settings("zfnet", {}).momentum == 0.9
    assert new_settings("zfnet", {"optimizer": "adam"}).momentum == 0
    assert new_settings("zfnet", {"optimizer": "rmsprop", "momentum": 0.5}).momentum == 0.5
    assert new_settings("zfnet", {"optimizer": "sgd"}).momentum == 0.9
