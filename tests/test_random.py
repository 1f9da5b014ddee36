"""Seeds and generators."""

import pytest

import minitorch_cv as mt


def draws(generator=None):
    return [
        mt.rand(3, generator=generator).tolist(),
        mt.randn(3, generator=generator).tolist(),
        mt.randint(100, (3,), generator=generator).tolist(),
        mt.randperm(5, generator=generator).tolist(),
        mt.bernoulli(mt.full((5,), 0.5), generator=generator).tolist(),
    ]


def test_the_same_seed_gives_the_same_numbers():
    mt.manual_seed(3)
    first = draws()
    mt.manual_seed(3)
    assert draws() == first
    mt.manual_seed(4)
    assert draws() != first
    assert mt.initial_seed() == 4


def test_a_generator_of_ones_own_leaves_the_default_alone():
    mt.manual_seed(3)
    expected = mt.rand(3).tolist()
    mt.manual_seed(3)
    own = mt.Generator().manual_seed(3)
    assert draws(own)[0] == expected
    assert mt.rand(3).tolist() == expected


def test_numbers_are_the_same_everywhere():
    assert mt.randint(1000, (5,), generator=mt.Generator().manual_seed(0)).tolist() == [850, 636, 511, 269, 307]


def test_negative_and_huge_seeds():
    for seed in (-1, 2**63, 2**64 + 5):
        assert draws(mt.Generator().manual_seed(seed)) == draws(mt.Generator().manual_seed(seed))


def test_state():
    generator = mt.Generator().manual_seed(1)
    mt.rand(3, generator=generator)
    state = generator.get_state()
    first = draws(generator)
    assert draws(generator) != first
    other = mt.Generator().set_state(state)
    assert draws(other) == first
    assert draws(generator.set_state(state)) == first, "drawing does not change a state that was handed out"
    assert other.initial_seed() == 1


def test_a_fresh_seed_differs():
    assert mt.Generator().initial_seed() != mt.Generator().initial_seed()
    generator = mt.Generator().manual_seed(0)
    assert generator.seed() == generator.initial_seed() != 0
    assert mt.seed() == mt.initial_seed()


def test_numpys_global_state_is_not_used():
    import numpy as np

    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - the global state is what is looked at
    draws()
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def state_of(gpu):
    return mt.random.generator_on(gpu).get_state()


def test_one_seed_for_all_devices(gpu):
    mt.manual_seed(11)
    assert state_of(gpu) == {"seed": 11, "draws": 0}
    mt.nn.functional.dropout(mt.ones(3, device=gpu))
    assert state_of(gpu) == {"seed": 11, "draws": 1}
    mt.manual_seed(12)
    assert state_of(gpu) == {"seed": 12, "draws": 0}
    assert mt.seed() == state_of(gpu)["seed"]


def test_a_gpu_that_was_not_used_yet_starts_from_the_seed(gpu, monkeypatch):
    monkeypatch.setattr(mt.random, "gpu_generators", {})
    mt.manual_seed(21)
    assert state_of(gpu)["seed"] == 21
    monkeypatch.setattr(mt.random, "gpu_generators", {})
    mt.cuda.manual_seed(22)
    assert state_of(gpu)["seed"] == (21 if gpu == "cuda:1" else 22), "that of the first GPU"
    assert mt.initial_seed() == 21, "the CPU's generator has a seed of its own"
    mt.manual_seed(23)
    monkeypatch.setattr(mt.random, "gpu_generators", {})
    assert state_of(gpu)["seed"] == 23, "the last seed counts"


def test_a_state_is_written_where_it_lies(gpu):
    generator = mt.Generator(gpu)
    held = generator.philox
    assert generator.manual_seed(2**64 - 3).set_state(generator.get_state()).philox is held
    assert generator.get_state() == {"seed": 2**64 - 3, "draws": 0}


def test_states_of_gpus_go_back_and_forth(gpu):
    mt.cuda.manual_seed_all(4)
    x = mt.ones(100, device=gpu)
    mt.nn.functional.dropout(x)
    state = mt.cuda.get_rng_state(gpu)
    following = mt.nn.functional.dropout(x)
    mt.cuda.set_rng_state(state, gpu)
    assert mt.nn.functional.dropout(x).equal(following)
    assert not mt.nn.functional.dropout(x).equal(following)
    with pytest.raises(RuntimeError, match="the state is not that of a generator on cpu"):
        mt.Generator().set_state(state)
    with pytest.raises(RuntimeError, match="the state is not that of a generator on cuda"):
        mt.cuda.set_rng_state(mt.Generator().get_state(), gpu)
