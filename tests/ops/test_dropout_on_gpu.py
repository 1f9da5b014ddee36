"""Dropout on a GPU draws there, from a state that lies there."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F
from minitorch_cv.ops import dropout as ops_dropout
from minitorch_cv.random import generator_on
from minitorch_kernels.philox import philox_dropout

FORMS = {
    "elements": F.dropout,
    "channels": F.dropout2d,
    "rows": lambda x, p, **options: F.stochastic_depth(x, p, "row", **options),
    "batch": lambda x, p, **options: F.stochastic_depth(x, p, "batch", **options),
}
ALL_FORMS = pytest.mark.parametrize("drop", FORMS.values(), ids=FORMS)


def seeded(drop, x, p=0.5, seed=0, **options):
    mt.manual_seed(seed)
    return drop(x, p, **options)


@ALL_FORMS
def test_a_seed_fixes_the_mask_and_the_next_one_differs(drop, gpu):
    x = mt.ones(64, 40, 1, 1, device=gpu)
    first = seeded(drop, x)
    following = [drop(x, 0.5) for _ in range(12)]  # of one decision for the whole batch, a few may be equal
    assert first.device == x.device
    assert first.equal(seeded(drop, x))
    assert not all(first.equal(y) for y in following)


@ALL_FORMS
def test_nothing_is_drawn_on_the_host(drop, gpu, monkeypatch):
    x = mt.ones(4, 5, 2, 2, device=gpu)
    monkeypatch.setattr(ops_dropout, "numpy_generator", lambda generator: pytest.fail("drawn on the CPU"))
    state = mt.random.default_generator.get_state()
    draws = generator_on(gpu).get_state()["draws"]
    drop(x, 0.5)
    assert mt.random.default_generator.get_state() == state
    assert generator_on(gpu).get_state()["draws"] == draws + 1


@ALL_FORMS
def test_gradient_passes_through_the_same_mask(drop, gpu):
    x = mt.ones(5, 6, 2, 3, device=gpu, requires_grad=True)
    y = seeded(drop, x, 0.3)
    drop(x, 0.3)  # what is drawn in between changes nothing
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.cpu().numpy(), y.detach().cpu().numpy())


def test_elements_are_dropped_as_the_reference_says(gpu):
    x = mt.randn(3, 50)
    y = seeded(F.dropout, x.to(gpu), 0.3, seed=-9)
    expected = philox_dropout(x.numpy(), np.array([-9, 0]), 0.3)
    np.testing.assert_array_equal(y.cpu().numpy(), expected)


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 3, 0)])
def test_the_mask_depends_neither_on_memory_order_nor_on_dtype(axes, gpu):
    x = np.ones((4, 3, 5, 2))
    expected = seeded(F.dropout, mt.tensor(x, device=gpu)).cpu().numpy()
    stored = mt.tensor(x.transpose(axes), device=gpu).permute(*np.argsort(axes).tolist())
    np.testing.assert_array_equal(seeded(F.dropout, stored).cpu().numpy(), expected)
    single = mt.tensor(x, dtype=mt.float32, device=gpu)
    np.testing.assert_array_equal(seeded(F.dropout, single).cpu().numpy(), expected)


@pytest.mark.parametrize("form", ["channels", "rows"])
def test_what_is_dropped_is_dropped_whole(form, gpu):
    y = seeded(FORMS[form], mt.ones(30, 40, 2, 2, device=gpu), 0.2).cpu().numpy()
    units = y.reshape(1200, 4) if form == "channels" else y.reshape(30, 160)
    assert (units == units[:, :1]).all()
    assert set(np.unique(units)) == {0, np.float32(1.25)}
    assert (units[:, 0] == 0).mean() == pytest.approx(0.2, abs=0.05 if form == "channels" else 0.25)


@ALL_FORMS
def test_certain_dropout_gives_zeros(drop, gpu):
    x = mt.ones(3, 2, 2, 2, device=gpu, requires_grad=True)
    y = drop(x, 1.0)
    y.sum().backward()
    assert not y.detach().cpu().numpy().any()
    assert not x.grad.cpu().numpy().any()
    assert drop(mt.ones(0, 2, 2, 2, device=gpu), 0.5).shape == (0, 2, 2, 2)


def test_in_place(gpu):
    x = mt.ones(4, 5, device=gpu)
    expected = seeded(F.dropout, x)
    assert seeded(F.dropout, x, inplace=True) is x
    assert x.equal(expected)


def test_a_generator_of_its_own(gpu):
    x = mt.ones(50, device=gpu)
    draws = generator_on(gpu).get_state()
    first = F.dropout(x, generator=mt.Generator(gpu).manual_seed(7))
    assert first.equal(F.dropout(x, generator=mt.Generator(gpu).manual_seed(7)))
    assert not first.equal(F.dropout(x, generator=mt.Generator(gpu).manual_seed(8)))
    assert generator_on(gpu).get_state() == draws


def test_a_generator_elsewhere_is_refused(gpu):
    with pytest.raises(RuntimeError, match=r"dropout: x is on cuda\S* but the generator is on cpu; give one that is "):
        F.dropout(mt.ones(3, device=gpu), generator=mt.Generator())
    with pytest.raises(RuntimeError, match=r"drawn on the CPU, and the generator is on cuda\S*; give one .* Generator"):
        F.dropout(mt.ones(3), generator=mt.Generator(gpu))
