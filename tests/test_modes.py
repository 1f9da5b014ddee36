"""`no_grad`, `enable_grad`, `set_grad_enabled`, `use` and `autocast` as decorators of functions and generators."""

import pytest

import minitorch_cv as torch
from minitorch_cv.amp import autocast, is_autocast_enabled
from minitorch_kernels.kernel import _forced


def recording():
    return torch.is_grad_enabled()


# the decorator, what a body should see in it, and how it is asked
MODES = {
    "no_grad()": (lambda: torch.no_grad(), False, recording),
    "no_grad": (lambda: torch.no_grad, False, recording),
    "enable_grad()": (lambda: torch.enable_grad(), True, recording),
    "enable_grad": (lambda: torch.enable_grad, True, recording),
    "set_grad_enabled(False)": (lambda: torch.set_grad_enabled(False), False, recording),
    "use": (lambda: torch.use("reference"), "reference", _forced.get),
    "autocast": (lambda: autocast("cuda"), True, is_autocast_enabled),
}


@pytest.fixture(params=MODES)
def mode(request):
    """A decorator, what holds in its functions, how to ask for that; outside, the opposite of enable_grad holds."""
    decorator, inside, ask = MODES[request.param]
    with torch.set_grad_enabled(inside is False or not isinstance(inside, bool) or ask is not recording):
        yield (lambda function: decorator()(function)), inside, ask


def test_a_function(mode):
    decorator, inside, ask = mode
    outside = ask()

    @decorator
    def function(first, second=2):
        """Words."""
        return ask(), first, second

    assert function(1, second=3) == (inside, 1, 3)
    assert ask() == outside
    assert function.__doc__ == "Words."


def test_a_generator(mode):
    decorator, inside, ask = mode
    outside = ask()

    @decorator
    def generator(count):
        for _ in range(count):
            yield ask()
        return ask()

    seen = []
    values = iter(generator(3))
    while True:
        try:
            seen.append(next(values))
        except StopIteration as end:
            seen.append(end.value)
            break
        assert ask() == outside
    assert seen == [inside] * 4
    assert ask() == outside


def test_two_generators_in_turns(mode):
    decorator, inside, ask = mode
    outside = ask()

    @decorator
    def generator():
        yield ask()
        yield ask()

    assert list(zip(generator(), generator())) == [(inside, inside)] * 2
    assert ask() == outside


def test_what_is_sent_and_thrown_reaches_the_body(mode):
    decorator, inside, ask = mode
    outside = ask()
    seen = []

    @decorator
    def generator():
        try:
            seen.append((yield "first"))
            yield "second"
        except ValueError as error:
            seen.append((str(error), ask()))
            yield "caught"
        finally:
            seen.append(("closed", ask()))

    values = generator()
    assert next(values) == "first"
    assert values.send("sent") == "second"
    assert values.throw(ValueError("thrown")) == "caught"
    values.close()
    assert seen == ["sent", ("thrown", inside), ("closed", inside)]
    assert ask() == outside


def test_an_error_of_the_body_reaches_the_caller(mode):
    decorator, _, ask = mode
    outside = ask()

    @decorator
    def generator():
        yield 1
        raise KeyError("mine")

    values = generator()
    next(values)
    with pytest.raises(KeyError, match="mine"):
        next(values)
    assert ask() == outside


def test_a_method(mode):
    decorator, inside, ask = mode

    class Owner:
        @decorator
        def method(self):
            return self, ask()

        @decorator
        def values(self):
            yield self, ask()

    owner = Owner()
    assert owner.method() == (owner, inside)
    assert next(owner.values()) == (owner, inside)


def test_recursion(mode):
    decorator, inside, ask = mode
    outside = ask()

    @decorator
    def depth(n):
        return [ask()] + (depth(n - 1) if n else [])

    assert depth(3) == [inside] * 4
    assert ask() == outside


def test_classes_and_coroutines_are_refused(mode):
    decorator, _, _ = mode

    class Net:
        pass

    async def coroutine():
        pass

    async def values():
        yield 1

    with pytest.raises(TypeError, match=r"class Net: decorate its methods"):
        decorator(Net)
    for function in (coroutine, values):
        with pytest.raises(TypeError, match="is a coroutine"):
            decorator(function)


def test_what_a_generator_makes_has_no_graph():
    @torch.no_grad()
    def batches():
        for _ in range(2):
            yield torch.ones(2, requires_grad=True) * 2

    assert [y.requires_grad for y in batches()] == [False, False]
    assert (torch.ones(2, requires_grad=True) * 2).requires_grad
