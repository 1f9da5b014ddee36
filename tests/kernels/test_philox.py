"""Philox: the numbers that its authors publish, and dropout by them."""

import numpy as np
import pytest

from minitorch_kernels.philox import philox4x32, philox_dropout, philox_key, random_words

# counter, key, words: "known answer tests" of the Random123 library for philox4x32 with 10 rounds
PUBLISHED = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words_of(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize(("counter", "key", "words"), PUBLISHED)
def test_published_numbers(counter, key, words):
    np.testing.assert_array_equal(philox4x32(words_of(counter), words_of(key)), words_of(words))


def test_words_come_from_counter_and_key_in_their_order():
    seed, draw = 0x299F31D0A4093822, 0x0370734413198A2E
    words = random_words(np.array([seed, draw]), 200)
    for block, lane in ((0, 0), (0, 31), (1, 5)):
        number = 32 * block + lane
        expected = philox4x32(np.array([number, 0, 0x13198A2E, 0x03707344], np.uint32), words_of(PUBLISHED[2][1]))
        places = 128 * block + lane + 32 * np.arange(4)
        inside = places < 200
        np.testing.assert_array_equal(words[places[inside]], expected[inside])


def test_a_key_is_the_state_and_counts_it_up():
    state = np.array([7, 2**32 - 1])
    assert philox_key(state).tolist() == [7, 2**32 - 1]
    assert philox_key(state).tolist() == [7, 2**32]
    assert state.tolist() == [7, 2**32 + 1]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_p_is_the_share_of_zeros_and_draws_are_independent(p):
    x = np.ones(40_000)
    first, second = (philox_dropout(x, np.array([1, draw]), p) == 0 for draw in (0, 1))
    other_seed = philox_dropout(x, np.array([2, 0]), p) == 0
    spread = np.sqrt(p * (1 - p) / x.size)
    assert first.mean() == pytest.approx(p, abs=4 * spread)
    for other in (second, other_seed, np.roll(first, 1), np.roll(first, 32)):
        assert np.cov(first, other)[0, 1] / (p * (1 - p)) == pytest.approx(0, abs=4 / np.sqrt(x.size))


def test_kept_values_grow_and_a_channel_is_the_fastest_axis():
    key = np.array([0, 0])
    x = np.arange(1.0, 25).reshape(2, 3, 2, 2)
    y = philox_dropout(x, key, 0.75)
    in_order = philox_dropout(np.ones(24), key, 0.75)
    assert set(in_order.tolist()) == {0, 4}
    np.testing.assert_array_equal(y, x * np.moveaxis(in_order.reshape(2, 2, 2, 3), -1, 1))
