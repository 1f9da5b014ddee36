import io
import re

import pytest
from rich.console import Console

from minitorch_cv.cli.display import COLUMNS, Display
from minitorch_cv.train import Epoch, Step

STEP = Step(epoch=2, batch=30, batches=235, loss=0.51234, accuracy=0.8125, images_per_second=20123.4)
EPOCH = Epoch(2, 0.51234, 0.8125, 0.79, 20123.4, 3.14)
LINE = "   2/10      0.5123      0.812     0.790    20,123      3.1"


def display(terminal):
    """A display on a console that keeps what is printed."""
    return Display(Console(file=io.StringIO(), force_terminal=terminal, width=100), epochs=10)


def printed(shown):
    """What was printed, without colours and cursor movements; a line that was drawn over is a line of its own."""
    text = re.sub(r"\x1b\[\d*[AK]|\r", "\n", shown.console.file.getvalue())
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).splitlines() if line.strip()]


def test_a_pipe_gets_plain_lines_only():
    shown = display(terminal=False)
    with shown:
        shown.compiling("conv2d_forward")
        shown.compiling("multiply")
        shown.step(STEP)
        shown.step(STEP)
        shown.epoch(EPOCH)
    assert "\x1b" not in shown.console.file.getvalue()
    lines = printed(shown)
    assert re.fullmatch(r"compiled 2 functions in \d+\.\d s; later runs find them ready", lines.pop(2))
    assert lines == [
        COLUMNS,
        "compiling kernels for this machine (first run only, up to half a minute) ...",
        LINE,
    ]


def test_without_compilation_nothing_is_said_of_it():
    shown = display(terminal=False)
    with shown:
        shown.step(STEP)
        shown.epoch(EPOCH)
    assert printed(shown) == [COLUMNS, LINE]


def test_a_terminal_sees_what_is_compiled_and_then_a_bar():
    shown = display(terminal=True)
    with shown:
        shown.live.refresh()
        shown.compiling("conv2d_forward")
        shown.live.refresh()
        shown.step(STEP)
        shown.live.refresh()
        shown.epoch(EPOCH)
    lines = printed(shown)
    assert any(line.endswith("loading kernels") for line in lines)
    assert any(line.endswith("compiling kernels for this machine (first run only): conv2d_forward") for line in lines)
    bar = next(line for line in lines if "━" in line)
    assert re.match(r"  2/10 +[━╸╺]+ +30/235 loss 0.5123  acc 0.812  20,123 images/s", bar)
    assert LINE in lines


def test_nothing_is_left_of_the_bar_when_training_ends():
    """The cursor is back and the last line cleared, by an exception as well."""
    shown = display(terminal=True)

    def interrupted():
        with shown:
            shown.step(STEP)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not shown.live.is_started
    assert shown.console.file.getvalue().endswith("\x1b[1A\x1b[2K")


def test_what_is_compiled_afterwards_is_not_shown():
    shown = display(terminal=False)
    with shown:
        pass
    shown.compiling("later")
    assert printed(shown) == [COLUMNS]


def test_a_long_line_stays_one_line():
    shown = display(terminal=False)
    shown.header("title", {"folder": "x" * 300})
    assert shown.console.file.getvalue() == f"title\n  folder    {'x' * 300}\n\n"
