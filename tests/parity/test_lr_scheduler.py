"""Learning-rate schedules beside PyTorch's: rates of two parameter groups after every one of fifty steps."""

import inspect
import math

import pytest

import minitorch_cv as mt

from .compare import torch

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::UserWarning")]  # torch's on step order and epoch

SCHEDULES = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda t: 0.9**t),
    "lambda-each": lambda s, o: s.LambdaLR(o, [lambda t: 1 / (1 + t), lambda t: 0.5 + 0.5 * (t < 9)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda t: 1 - 1 / (t + 3)),
    "multiplicative-each": lambda s, o: s.MultiplicativeLR(o, [lambda t: 0.9, lambda t: 1.1]),
    "step": lambda s, o: s.StepLR(o, 7),
    "step-gamma": lambda s, o: s.StepLR(o, 1, gamma=0.95),
    "multistep": lambda s, o: s.MultiStepLR(o, [3, 10, 30]),
    "multistep-twice": lambda s, o: s.MultiStepLR(o, (0, 5, 5, 20), gamma=0.5),
    "constant": lambda s, o: s.ConstantLR(o),
    "constant-long": lambda s, o: s.ConstantLR(o, 0.7, 60),
    "linear": lambda s, o: s.LinearLR(o),
    "linear-fall": lambda s, o: s.LinearLR(o, 1.0, 0.01, 23),
    "linear-to-zero": lambda s, o: s.LinearLR(o, start_factor=0.5, end_factor=0.0, total_iters=64),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.93),
    "exponential-rise": lambda s, o: s.ExponentialLR(o, gamma=1.05),
    "polynomial": lambda s, o: s.PolynomialLR(o),
    "polynomial-power": lambda s, o: s.PolynomialLR(o, 31, 2.5),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 50),
    "cosine-floor": lambda s, o: s.CosineAnnealingLR(o, 60, 0.003),
    "cosine-waves": lambda s, o: s.CosineAnnealingLR(o, T_max=7, eta_min=0.01),
    "cosine-one-step": lambda s, o: s.CosineAnnealingLR(o, 1, 0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7),
    "restarts-longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.001),
    "restarts-always": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=1, T_mult=3),
    "one-cycle": lambda s, o: s.OneCycleLR(o, 0.5, 50),
    "one-cycle-line": lambda s, o: s.OneCycleLR(o, [0.5, 2.0], epochs=9, steps_per_epoch=6, anneal_strategy="linear"),
    "one-cycle-three": lambda s, o: s.OneCycleLR(
        o, 0.5, 60, pct_start=0.25, base_momentum=[0.8, 0.7], max_momentum=0.9, three_phase=True
    ),
    "one-cycle-fall": lambda s, o: s.OneCycleLR(o, 0.5, 50, pct_start=0.0, cycle_momentum=False),
    "one-cycle-factors": lambda s, o: s.OneCycleLR(o, 0.5, 51, div_factor=3.0, final_div_factor=7.0),
    "chained": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9), s.MultiStepLR(o, [9, 18])]
    ),
    "chained-cosine": lambda s, o: s.ChainedScheduler([s.LinearLR(o), s.CosineAnnealingLR(o, 20, 0.001)], o),
    "chained-functions": lambda s, o: s.ChainedScheduler([s.MultiplicativeLR(o, lambda t: 0.9), s.StepLR(o, 4, 0.5)]),
    "warm-up": lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 5), s.CosineAnnealingLR(o, 45)], [5]),
    "three-in-turn": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9), s.StepLR(o, 3, 0.5)], milestones=[2, 20]
    ),
    "polynomial-later": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2), s.PolynomialLR(o, 9), s.LinearLR(o)], [10, 30]),
    "functions-later": lambda s, o: s.SequentialLR(
        o, [s.ExponentialLR(o, 0.9), s.LambdaLR(o, lambda t: 0.9**t), s.MultiplicativeLR(o, lambda t: 0.8)], [10, 30]
    ),
    "restarts-later": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o), s.CosineAnnealingWarmRestarts(o, 4, 2), s.MultiStepLR(o, [0, 3])], [5, 40]
    ),
    "restarts-first": lambda s, o: s.SequentialLR(o, [s.CosineAnnealingWarmRestarts(o, 4), s.ConstantLR(o)], [11]),
    "one-cycle-later": lambda s, o: s.SequentialLR(o, [s.ConstantLR(o), s.OneCycleLR(o, 0.5, 45)], [5]),
    "starts-with-the-second": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2), s.ExponentialLR(o, 0.9)], [0]),
    "chained-sequence": lambda s, o: s.ChainedScheduler(
        [s.SequentialLR(o, [s.LinearLR(o), s.ExponentialLR(o, 0.9)], [5]), s.StepLR(o, 8)]
    ),
}  # fmt: skip


def optimizer_of(t):
    parameters = [t.tensor([1.0], requires_grad=True) for _ in range(2)]
    return t.optim.SGD([{"params": parameters[:1]}, {"params": parameters[1:], "lr": 0.7}], lr=0.05, momentum=0.5)


def pair(make):
    """{library: (optimizer, scheduler)}."""
    made = {}
    for t in (torch, mt):
        optimizer = optimizer_of(t)
        made[t] = optimizer, make(t.optim.lr_scheduler, optimizer)
    return made


def assert_same_rates(made, where):
    (theirs, their_scheduler), (ours, our_scheduler) = made[torch], made[mt]
    for key in ("lr", "momentum"):
        here, there = ([group[key] for group in optimizer.param_groups] for optimizer in (ours, theirs))
        assert here == pytest.approx(there, rel=1e-12, abs=1e-17), f"{key} {where}"
    assert our_scheduler.get_last_lr() == pytest.approx(their_scheduler.get_last_lr(), rel=1e-12, abs=1e-17)
    assert our_scheduler.last_epoch == getattr(their_scheduler, "last_epoch", our_scheduler.last_epoch)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_fifty_steps(schedule):
    made = pair(SCHEDULES[schedule])
    assert_same_rates(made, "at the start")
    for step in range(50):
        for _, scheduler in made.values():
            scheduler.step()
        assert_same_rates(made, f"after step {step}")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_rate_changed_in_between(schedule):
    made = pair(SCHEDULES[schedule])
    for step in range(25):
        for optimizer, scheduler in made.values():
            if step in (4, 13):
                optimizer.param_groups[1]["lr"] *= 0.3
            scheduler.step()
        assert_same_rates(made, f"after step {step}")


SINGLE = {
    "lambda": lambda s, o, e: s.LambdaLR(o, lambda t: 0.9**t, e),
    "multiplicative": lambda s, o, e: s.MultiplicativeLR(o, lambda t: 0.9, e),
    "step": lambda s, o, e: s.StepLR(o, 3, 0.1, e),
    "multistep": lambda s, o, e: s.MultiStepLR(o, [4, 9], 0.1, e),
    "constant": lambda s, o, e: s.ConstantLR(o, 0.5, 7, e),
    "linear": lambda s, o, e: s.LinearLR(o, 0.5, 1.0, 7, e),
    "exponential": lambda s, o, e: s.ExponentialLR(o, 0.9, e),
    "polynomial": lambda s, o, e: s.PolynomialLR(o, 7, 2.0, e),
    "cosine": lambda s, o, e: s.CosineAnnealingLR(o, 6, 0.01, e),
    "restarts": lambda s, o, e: s.CosineAnnealingWarmRestarts(o, 8, 1, 0.0, e),
    "one-cycle": lambda s, o, e: s.OneCycleLR(o, 0.5, 20, last_epoch=e),
}


@pytest.mark.parametrize("epoch", [1, 2, 3, 6])
@pytest.mark.parametrize("schedule", SINGLE)
def test_going_on_after_last_epoch(schedule, epoch):
    made = pair(lambda s, o: SINGLE[schedule](s, o, -1))
    for _ in range(epoch):
        for _, scheduler in made.values():
            scheduler.step()
    for t, (optimizer, _) in list(made.items()):
        made[t] = optimizer, SINGLE[schedule](t.optim.lr_scheduler, optimizer, epoch)
    for step in range(10):
        assert_same_rates(made, f"{step} steps later")
        for _, scheduler in made.values():
            scheduler.step()


@pytest.mark.parametrize(("first", "mult"), [(3, 1), (2, 2)])
def test_warm_restarts_between_epochs(first, mult):
    made = pair(lambda s, o: s.CosineAnnealingWarmRestarts(o, first, mult))
    for epoch in [0.0, 0.25, 1.5, 2.0, 3.75, 7.2, 14.0, None, 5, None, None]:
        for _, scheduler in made.values():
            scheduler.step(epoch)
        assert_same_rates(made, f"at {epoch}")


def test_one_cycle_turns_beta1_of_adam():
    made = {}
    for t in (torch, mt):
        optimizer = t.optim.Adam([t.tensor([1.0], requires_grad=True)], betas=(0.8, 0.99))
        made[t] = optimizer, t.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 20)
    for step in range(20):
        ours, theirs = (made[t][0].param_groups[0] for t in (mt, torch))
        for key in ("lr", "betas"):
            assert ours[key] == pytest.approx(theirs[key], rel=1e-12), f"{key} at step {step}"
        for _, scheduler in made.values():
            scheduler.step()


PLATEAUS = [
    {},
    {"mode": "max", "patience": 2, "factor": 0.5},
    {"patience": 1, "threshold": 0.05, "threshold_mode": "abs", "cooldown": 3},
    {"mode": "max", "patience": 0, "threshold": 0.05, "threshold_mode": "abs", "min_lr": [0.01, 0.1]},
    {"patience": 1, "threshold": 0.1, "min_lr": 0.002, "eps": 0.003},
]


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
def test_plateau(options):
    made = pair(lambda s, o: s.ReduceLROnPlateau(o, **options))
    for step in range(50):
        metric = math.nan if step == 8 else 1 / (1 + step) + 0.3 * math.sin(step) * (step > 5)
        for _, scheduler in made.values():
            scheduler.step(metric)
        assert_same_rates(made, f"after step {step}")


CLASSES = [name for name in dir(mt.optim.lr_scheduler) if inspect.isclass(getattr(mt.optim.lr_scheduler, name, None))]


@pytest.mark.parametrize("name", CLASSES)
def test_signatures(name):
    here, there = (inspect.signature(getattr(t.optim.lr_scheduler, name)).parameters for t in (mt, torch))
    assert {key: p.default for key, p in here.items()} == {key: p.default for key, p in there.items()}
    assert list(here) == list(there)


def test_every_schedule_is_here():
    assert set(torch.optim.lr_scheduler.__all__) - set(CLASSES) == {"CyclicLR"}
