"""Messages fit the terminal, whose edge breaks no word."""

import io

import pytest

from minitorch_cv import messages

TEXT = "error: the folder /a/long/path/of/some/run-of-lenet cannot be read; name another one with --out"


@pytest.mark.parametrize("width", [20, 36, 50, 80])
def test_lines_are_as_long_as_the_terminal_and_hold_whole_words(width):
    lines = messages.fitted(TEXT, width).split("\n")
    assert " ".join(lines).split() == TEXT.split()
    assert all(len(line) <= width or " " not in line for line in lines)


def test_a_file_gets_one_line():
    assert messages.fitted(TEXT, None) == TEXT
    assert messages.width_of(io.StringIO()) is None
    assert messages.width_of(None) is None


def test_lines_after_the_first_are_moved_to_the_right():
    lines = messages.fitted("  data      6,000 training images of Fashion-MNIST", 30, indent=12).split("\n")
    assert lines == ["  data      6,000 training", " " * 12 + "images of", " " * 12 + "Fashion-MNIST"]


def test_lines_that_were_there_stay():
    assert messages.fitted("one two\nthree", 80) == "one two\nthree"
    assert messages.fitted("", 80) == ""


def test_what_is_said_goes_to_stderr(monkeypatch, capsys):
    monkeypatch.setattr(messages, "width_of", lambda stream: 30)
    messages.say(TEXT)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.split("\n")[0] == "error: the folder"
