"""Output that is not UTF-8: a Windows pipe, PYTHONIOENCODING, a terminal in the C locale."""

import io
import os
import subprocess
import sys

import pytest

from minitorch_cv.cli import main
from minitorch_cv.cli.encodings import write_whatever_the_encoding


def written(monkeypatch, encoding, action):
    """The bytes that reach a stdout of this encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    action()
    stream.flush()
    return stream.buffer.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437", "utf-8", "utf-16"])
def test_a_table_reaches_every_stdout(monkeypatch, encoding):
    shown = written(monkeypatch, encoding, lambda: main(["summary", "lenet"])).decode(encoding)
    line = next(line for line in shown.splitlines() if "(conv1)" in line)
    drawn = "├─" if encoding in ("utf-8", "utf-16") else {"cp437": "├─"}.get(encoding, "|-")
    bar = "│" if drawn == "├─" else "|"
    assert line.startswith(f"{bar}    {drawn}Conv2d (conv1): 2-1")


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        ("ascii", "é ├─ x", b"? |- x"),
        ("cp1252", "é ├─ x", b"\xe9 |- x"),
        ("ascii", "衣服 4×4…", b"?? 4x4..."),
        ("latin-1", "↑ 3–4", b"? 3-4"),
        ("ascii", "plain", b"plain"),
    ],
)
def test_what_an_encoding_lacks_is_written_in_ascii(monkeypatch, encoding, text, expected):
    def action():
        write_whatever_the_encoding()
        print(text, end="")

    assert written(monkeypatch, encoding, action) == expected


def test_streams_that_cannot_be_set_are_left(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)
    write_whatever_the_encoding()


@pytest.mark.parametrize("command", [["summary", "mlp"], ["--help"], ["train", "--help"], ["data", "--no-download"]])
def test_commands_end_well_in_a_process_whose_output_is_ascii(command):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.command_process", *command], capture_output=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)
    done.stdout.decode("ascii")
