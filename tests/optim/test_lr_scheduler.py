import json
import math

import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim
from minitorch_cv.optim import lr_scheduler as s


def sgd(lr=0.8, **options):
    return optim.SGD([nn.Parameter(torch.ones(1))], lr=lr, **options)


def two_groups():
    p, q = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    return optim.SGD([{"params": p}, {"params": q, "lr": 0.2}], lr=0.8, momentum=0.5)


def rates(make, steps):
    """The rate at the start and after each step, from an initial rate of 0.8."""
    optimizer = sgd(momentum=0.5)
    scheduler = make(optimizer)
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(steps):
        scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
        assert scheduler.get_last_lr() == found[-1:]
    return found


def cosine(t, length):
    return (1 + math.cos(math.pi * t / length)) / 2


CLOSED_FORMS = {
    "lambda": (lambda o: s.LambdaLR(o, lambda t: 1 / (1 + t)), lambda t: 0.8 / (1 + t)),
    "multiplicative": (lambda o: s.MultiplicativeLR(o, lambda t: t / (1 + t)), lambda t: 0.8 / (1 + t)),
    "step": (lambda o: s.StepLR(o, 3, 0.5), lambda t: 0.8 * 0.5 ** (t // 3)),
    "multistep": (lambda o: s.MultiStepLR(o, [2, 5, 5], 0.5), lambda t: 0.8 * 0.5 ** ((t >= 2) + 2 * (t >= 5))),
    "constant": (lambda o: s.ConstantLR(o, 0.25, 4), lambda t: 0.2 if t < 4 else 0.8),
    "linear": (lambda o: s.LinearLR(o, 0.25, 0.75, 8), lambda t: 0.8 * (0.25 + 0.5 * min(t, 8) / 8)),
    "exponential": (lambda o: s.ExponentialLR(o, 0.9), lambda t: 0.8 * 0.9**t),
    "polynomial": (lambda o: s.PolynomialLR(o, 8, 2), lambda t: 0.8 * (1 - min(t, 8) / 8) ** 2),
    "cosine": (lambda o: s.CosineAnnealingLR(o, 4, 0.1), lambda t: 0.1 + 0.7 * cosine(t, 4)),
    "restarts": (lambda o: s.CosineAnnealingWarmRestarts(o, 4, 1, 0.1), lambda t: 0.1 + 0.7 * cosine(t % 4, 4)),
    "inverse time": (lambda o: s.LambdaLR(o, s.inverse_time(0.5)), lambda t: 0.8 / (1 + 0.5 * t)),
    "square root": (lambda o: s.LambdaLR(o, s.inverse_square_root()), lambda t: 0.8 / math.sqrt(1 + t)),
    "root of a decay": (lambda o: s.LambdaLR(o, s.inverse_square_root(3)), lambda t: 0.8 / math.sqrt(1 + 3 * t)),
    "chained": (
        lambda o: s.ChainedScheduler([s.ConstantLR(o, 0.25, 4), s.ExponentialLR(o, 0.9)]),
        lambda t: 0.8 * 0.9**t * (0.25 if t < 4 else 1),
    ),
    "sequential": (
        lambda o: s.SequentialLR(o, [s.LinearLR(o, 0.25, 1, 3), s.ExponentialLR(o, 0.9)], [3]),
        lambda t: 0.8 * (0.25 + 0.75 * t / 3) if t < 3 else 0.8 * 0.9 ** (t - 3),
    ),
}


@pytest.mark.parametrize("schedule", CLOSED_FORMS)
def test_closed_form(schedule):
    make, formula = CLOSED_FORMS[schedule]
    assert rates(make, 20) == pytest.approx([formula(t) for t in range(21)], rel=1e-12, abs=1e-16)


def test_warm_restarts_of_growing_length():
    found = rates(lambda o: s.CosineAnnealingWarmRestarts(o, 2, 3), 26)
    expected = [cosine(t, length) * 0.8 for length in (2, 6, 18) for t in range(length)] + [0.8]
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_warm_restart_reached_by_a_jump():
    optimizer = sgd()
    scheduler = s.CosineAnnealingWarmRestarts(optimizer, 1, 3)
    scheduler.step(121)  # 1 + 3 + 9 + 27 + 81: a cycle begins
    assert optimizer.param_groups[0]["lr"] == 0.8
    scheduler.step(0.5)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.4)


def test_cosine_with_warmup():
    found = rates(lambda o: s.LambdaLR(o, s.cosine_with_warmup(4, 12, final=0.25)), 14)
    rise = [0, 0.2, 0.4, 0.6]
    fall = [0.2 + 0.6 * cosine(t, 8) for t in range(8)]
    assert found == pytest.approx([*rise, *fall, 0.2, 0.2, 0.2], rel=1e-12)


def test_cosine_without_warmup_starts_at_the_full_rate():
    assert s.cosine_with_warmup(0, 4)(0) == 1
    assert s.cosine_with_warmup(0, 4)(4) == 0


def test_one_cycle_of_rate_and_momentum():
    optimizer = sgd(momentum=0.5)
    scheduler = s.OneCycleLR(
        optimizer, 1.0, 9, pct_start=5 / 9, anneal_strategy="linear", div_factor=5, final_div_factor=2
    )
    found = []
    for _ in range(9):
        found.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        scheduler.step()
    up = [(0.2 + 0.2 * t, 0.95 - 0.025 * t) for t in range(5)]
    down = [(1 - 0.225 * t, 0.85 + 0.025 * t) for t in range(1, 5)]
    assert [value for step in found for value in step] == pytest.approx([value for step in up + down for value in step])


def test_one_cycle_with_three_phases():
    found = rates(
        lambda o: s.OneCycleLR(o, 1.0, 8, pct_start=0.375, anneal_strategy="linear", div_factor=5, three_phase=True), 7
    )
    assert found == pytest.approx([0.2, 0.6, 1.0, 0.6, 0.2, *(0.2 + (2e-5 - 0.2) * t / 3 for t in (1, 2, 3))])


def test_one_cycle_turns_beta1():
    class WithBetas(optim.Optimizer):
        pass

    optimizer = WithBetas([nn.Parameter(torch.ones(1))], {"lr": 0.1, "betas": (0.9, 0.999)})
    scheduler = s.OneCycleLR(optimizer, 1.0, 10)
    assert optimizer.param_groups[0]["betas"] == (0.95, 0.999)
    for _ in range(2):
        scheduler.step()
    assert optimizer.param_groups[0]["betas"] == pytest.approx((0.85, 0.999))


def test_one_cycle_whose_rise_is_a_single_step():
    assert rates(lambda o: s.OneCycleLR(o, 1.0, 10, pct_start=0.1), 9)[0] == 1.0


def plateau_rates(metrics, **options):
    optimizer = sgd()
    scheduler = s.ReduceLROnPlateau(optimizer, factor=0.5, **options)
    found = []
    for metric in metrics:
        scheduler.step(metric)
        found.append(optimizer.param_groups[0]["lr"])
        assert scheduler.get_last_lr() == found[-1:]
    return found


PLATEAUS = {
    "patience": ([3, 2, 2, 2, 2, 1], {"patience": 2}, [0.8, 0.8, 0.8, 0.8, 0.4, 0.4]),
    "no patience": ([3, 3, 2, 2], {"patience": 0}, [0.8, 0.4, 0.4, 0.2]),
    "max": ([1, 2, 2, 1], {"mode": "max", "patience": 0}, [0.8, 0.8, 0.4, 0.2]),
    "relative threshold": ([10, 9.5, 8.9], {"patience": 0, "threshold": 0.1}, [0.8, 0.4, 0.4]),
    "relative threshold, max": ([10, 10.5, 11.5], {"mode": "max", "patience": 0, "threshold": 0.1}, [0.8, 0.4, 0.4]),
    "absolute threshold": (
        [1, 0.8, 0.4], {"patience": 0, "threshold": 0.5, "threshold_mode": "abs"}, [0.8, 0.4, 0.4]
    ),
    "cooldown": ([1, 1, 1, 1, 1], {"patience": 0, "cooldown": 2}, [0.8, 0.4, 0.4, 0.4, 0.2]),
    "least rate": ([1, 1, 1], {"patience": 0, "min_lr": 0.3}, [0.8, 0.4, 0.3]),
    "small changes": ([1, 1, 1], {"patience": 0, "eps": 0.3}, [0.8, 0.4, 0.4]),
    "NaN is bad": ([1, math.nan, 0.5], {"patience": 0}, [0.8, 0.4, 0.4]),
}  # fmt: skip


@pytest.mark.parametrize("case", PLATEAUS)
def test_plateau(case):
    metrics, options, expected = PLATEAUS[case]
    assert plateau_rates(metrics, **options) == expected


def test_plateau_takes_a_loss_tensor_and_a_floor_for_each_group():
    optimizer = two_groups()
    scheduler = s.ReduceLROnPlateau(optimizer, patience=0, min_lr=[0.01, 0.15])
    for _ in range(2):
        scheduler.step(torch.tensor(1.0))
    assert scheduler.get_last_lr() == pytest.approx([0.08, 0.15])


def test_a_changed_rate_is_kept_by_recursions_and_overwritten_by_closed_forms():
    for make, expected in ((lambda o: s.StepLR(o, 1, 0.5), 0.05), (lambda o: s.LambdaLR(o, lambda t: 0.5**t), 0.4)):
        optimizer = sgd()
        scheduler = make(optimizer)
        optimizer.param_groups[0]["lr"] = 0.1
        scheduler.step()
        assert optimizer.param_groups[0]["lr"] == expected


def test_a_step_of_the_optimizer_uses_the_rate():
    optimizer = sgd(lr=0.5)
    (p,) = optimizer.param_groups[0]["params"]
    scheduler = s.StepLR(optimizer, 1, 0.5)
    for expected in (0.5, 0.25, 0.125):
        p.grad = torch.ones(1)
        optimizer.step()
        assert p.tolist() == [expected]
        scheduler.step()


RESUMED = {
    **{name: make for name, (make, _) in CLOSED_FORMS.items()},
    "restarts, growing": lambda o: s.CosineAnnealingWarmRestarts(o, 2, 2),
    "one cycle": lambda o: s.OneCycleLR(o, [0.5, 1.0], 12, three_phase=True),
    "plateau": lambda o: s.ReduceLROnPlateau(o, patience=1, cooldown=1),
    "nested": lambda o: s.ChainedScheduler(
        [s.SequentialLR(o, [s.LinearLR(o), s.CosineAnnealingLR(o, 9)], [4]), s.StepLR(o, 3)]
    ),
}


@pytest.mark.parametrize("schedule", RESUMED)
def test_resume_from_any_step(schedule):
    """Schedules saved as JSON and loaded into new ones go on with the same rates."""

    def advance(scheduler, step):
        scheduler.step(*([abs(5 - step)] if schedule == "plateau" else []))

    optimizer = two_groups()
    scheduler = RESUMED[schedule](optimizer)
    whole, saved = [], []
    for step in range(10):
        saved.append((json.dumps(scheduler.state_dict()), optimizer.state_dict()))
        advance(scheduler, step)
        whole.append([dict(group, params=None) for group in optimizer.param_groups])
    for start, (state, optimizer_state) in enumerate(saved):
        optimizer = two_groups()
        scheduler = RESUMED[schedule](optimizer)
        optimizer.load_state_dict(optimizer_state)
        scheduler.load_state_dict(json.loads(state))
        for step in range(start, 10):
            advance(scheduler, step)
            assert [dict(group, params=None) for group in optimizer.param_groups] == whole[step], (start, step)
            assert scheduler.get_last_lr() == [group["lr"] for group in whole[step]]


def test_state_is_a_copy():
    scheduler = s.MultiStepLR(sgd(), [1, 3])
    state = scheduler.state_dict()
    assert state == {"milestones": [1, 3], "gamma": 0.1, "base_lrs": [0.8], "last_epoch": 0, "_last_lr": [0.8]}
    state["milestones"].append(4)
    assert scheduler.milestones == [1, 3]
    scheduler.load_state_dict(state)
    state["milestones"].append(5)
    scheduler.get_last_lr().append(7)
    assert scheduler.milestones == [1, 3, 4]
    assert scheduler.get_last_lr() == [0.8]


def test_going_on_needs_the_optimizers_state():
    optimizer = sgd()
    with pytest.raises(KeyError, match=r"StepLR: parameter group 0 has no \"initial_lr\" .* last_epoch=3; load"):
        s.StepLR(optimizer, 2, last_epoch=3)
    optimizer.param_groups[0]["initial_lr"] = 0.9
    assert s.LambdaLR(optimizer, lambda t: t, last_epoch=3).get_last_lr() == [pytest.approx(3.6)]
    optimizer.param_groups[0]["lr"] = 0.5
    assert s.ExponentialLR(optimizer, 0.9, last_epoch=3).get_last_lr() == [0.5]


def test_a_group_added_later():
    optimizer = sgd()
    scheduler = s.LambdaLR(optimizer, lambda t: 1.0)
    optimizer.add_param_group({"params": nn.Parameter(torch.ones(1))})
    with pytest.raises(ValueError, match="LambdaLR: the optimizer has 2 parameter groups but had 1 when"):
        scheduler.step()


def no_momentum(**options):
    return s.OneCycleLR(optim.Optimizer([nn.Parameter(torch.ones(1))], {"lr": 0.1}), 1.0, 10, **options)


WRONG = {
    "StepLR: the first argument must be an optimizer, got int; make the optimizer": lambda o: s.StepLR(3, 3),
    "LambdaLR: the first argument must be an optimizer, got function": lambda o: s.LambdaLR(lambda t: t, o),
    "ReduceLROnPlateau: the first argument must be an optimizer, got str": lambda o: s.ReduceLROnPlateau("min"),
    "OneCycleLR: the first argument must be an optimizer, got float": lambda o: s.OneCycleLR(0.1, 0.1, 10),
    "LambdaLR: lr_lambda has 1 entries but the optimizer has 2": lambda o: s.LambdaLR(o, [lambda t: t]),
    "MultiplicativeLR: lr_lambda must be a function of the epoch, got 0.9": lambda o: s.MultiplicativeLR(o, 0.9),
    "StepLR: step_size=0 must be an integer of at least 1": lambda o: s.StepLR(o, 0),
    "MultiStepLR: milestones=[5, 3] must increase; sort them": lambda o: s.MultiStepLR(o, [5, 3]),
    "ConstantLR: factor=0 must be above 0": lambda o: s.ConstantLR(o, 0),
    "ConstantLR: factor=1.5 must be above 0 and at most 1": lambda o: s.ConstantLR(o, 1.5),
    "ConstantLR: total_iters=0 must be": lambda o: s.ConstantLR(o, 0.5, 0),
    "LinearLR: start_factor=0 must be above 0": lambda o: s.LinearLR(o, 0),
    "LinearLR: end_factor=2 must be between": lambda o: s.LinearLR(o, 0.5, 2),
    "LinearLR: total_iters=-1 must be": lambda o: s.LinearLR(o, 0.5, 1, -1),
    "PolynomialLR: total_iters=0 must be": lambda o: s.PolynomialLR(o, 0),
    "CosineAnnealingLR: T_max=0 must be above 0": lambda o: s.CosineAnnealingLR(o, 0),
    "CosineAnnealingWarmRestarts: T_0=1.5 must be an integer": lambda o: s.CosineAnnealingWarmRestarts(o, 1.5),
    "CosineAnnealingWarmRestarts: T_mult=0 must be": lambda o: s.CosineAnnealingWarmRestarts(o, 2, 0),
    "WarmRestarts: epoch=-2 must not be negative": lambda o: s.CosineAnnealingWarmRestarts(o, 2).step(-2),
    "OneCycleLR: give total_steps, or both epochs and steps_per_epoch; got epochs=3": (
        lambda o: s.OneCycleLR(o, 0.1, epochs=3)
    ),
    "OneCycleLR: total_steps=0 must be": lambda o: s.OneCycleLR(o, 0.1, 0),
    "OneCycleLR: epochs=0 must be": lambda o: s.OneCycleLR(o, 0.1, epochs=0, steps_per_epoch=2),
    "OneCycleLR: steps_per_epoch=0 must be": lambda o: s.OneCycleLR(o, 0.1, epochs=2, steps_per_epoch=0),
    "OneCycleLR: pct_start=30 must be": lambda o: s.OneCycleLR(o, 0.1, 10, pct_start=30),
    "OneCycleLR: anneal_strategy='exp' must be": lambda o: s.OneCycleLR(o, 0.1, 10, anneal_strategy="exp"),
    "OneCycleLR: max_lr has 3 entries but the optimizer has 2": lambda o: s.OneCycleLR(o, [1, 2, 3], 10),
    "OneCycleLR: Optimizer has no momentum to cycle; give cycle_momentum=False": lambda o: no_momentum(),
    "ReduceLROnPlateau: factor=1 must be below 1": lambda o: s.ReduceLROnPlateau(o, factor=1),
    "ReduceLROnPlateau: mode='auto' must be": lambda o: s.ReduceLROnPlateau(o, "auto"),
    "ReduceLROnPlateau: threshold_mode='x' must be": lambda o: s.ReduceLROnPlateau(o, threshold_mode="x"),
    "ReduceLROnPlateau: min_lr has 1 entries": lambda o: s.ReduceLROnPlateau(o, min_lr=[0.1]),
    "SequentialLR: got no scheduler": lambda o: s.SequentialLR(o, [], []),
    "SequentialLR: 2 schedulers need 1 milestones, got 2": (
        lambda o: s.SequentialLR(o, [s.StepLR(o, 1), s.StepLR(o, 1)], [1, 2])
    ),
    "SequentialLR: milestones=[4, 2] must increase": (
        lambda o: s.SequentialLR(o, [s.StepLR(o, 1), s.StepLR(o, 1), s.StepLR(o, 1)], [4, 2])
    ),
    "SequentialLR: scheduler 0 (StepLR) belongs to another optimizer": (
        lambda o: s.SequentialLR(o, [s.StepLR(sgd(), 1)], [])
    ),
    "SequentialLR: scheduler 0 is a ChainedScheduler": (
        lambda o: s.SequentialLR(o, [s.ChainedScheduler([s.StepLR(o, 1)])], [])
    ),
    "ChainedScheduler: scheduler 1 is a ReduceLROnPlateau, which must be stepped on its own": (
        lambda o: s.ChainedScheduler([s.StepLR(o, 1), s.ReduceLROnPlateau(o)])
    ),
    "ChainedScheduler: got no scheduler; give at least one": lambda o: s.ChainedScheduler([]),
    "StepLR: state_dict lacks ['step_size'] and has unknown ['T_max', 'eta_min']": (
        lambda o: s.StepLR(o, 1).load_state_dict({**s.CosineAnnealingLR(o, 5).state_dict(), "gamma": 0.1})
    ),
    "ChainedScheduler: state_dict has 0 schedulers but there are 1": (
        lambda o: s.ChainedScheduler([s.StepLR(o, 1)]).load_state_dict(s.StepLR(o, 1).state_dict())
    ),
    "inverse_time: decay=-1 must not be negative": lambda o: s.inverse_time(-1),
    "inverse_square_root: decay=-1 must not": lambda o: s.inverse_square_root(-1),
    "cosine_with_warmup: warmup_steps=5 must be from 0 to below max_steps=5": lambda o: s.cosine_with_warmup(5, 5),
}


@pytest.mark.parametrize("message", WRONG)
def test_errors(message):
    with pytest.raises((TypeError, ValueError)) as caught:
        WRONG[message](two_groups())
    assert message in str(caught.value)


def test_one_cycle_ends():
    scheduler = s.OneCycleLR(two_groups(), 0.1, 3)
    for _ in range(3):
        scheduler.step()
    with pytest.raises(ValueError, match="OneCycleLR: step 4 lies beyond total_steps=3; total_steps should be epochs"):
        scheduler.step()
