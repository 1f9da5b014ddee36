"""Output that is not UTF-8, closed, on a full disk, or into a pipe that nobody reads."""

import io
import os
import subprocess
import sys

import pytest

from minitorch_cv.cli import main
from minitorch_cv.cli.streams import take_everything


def written(monkeypatch, encoding, action):
    """The bytes that reach a stdout of this encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    action()
    sys.stdout.flush()
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
        take_everything()
        print(text, end="")

    assert written(monkeypatch, encoding, action) == expected


def test_streams_that_cannot_be_set_are_left(monkeypatch):
    mine = io.StringIO()
    monkeypatch.setattr(sys, "stdout", mine)
    monkeypatch.setattr(sys, "stderr", None)
    take_everything()
    assert sys.stdout is mine
    print("nobody reads this", file=sys.stderr)


@pytest.mark.parametrize("command", [["summary", "mlp"], ["--help"], ["train", "--help"], ["data", "--no-download"]])
def test_commands_end_well_in_a_process_whose_output_is_ascii(command):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.command_process", *command], capture_output=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr.count(b"Traceback")) == (0, 0)
    done.stdout.decode("ascii")


TRAIN = "train lenet --limit 16 --batch-size 8 --epochs 2 --out {out}"
# what a shell does with the command, its exit status, and whether the run is whole
SHELLS = {
    "stderr closed": (TRAIN + " 2>&-", 0),
    "stdout closed": (TRAIN + " >&-", 0),
    "both closed": (TRAIN + " >&- 2>&-", 0),
    "stdin too": (TRAIN + " <&- >&- 2>&-", 0),
    "stdout full": (TRAIN + " >/dev/full", 0),
    "stderr full": (TRAIN + " 2>/dev/full", 0),
    "both full": (TRAIN + " >/dev/full 2>&1", 0),
    "result on a full disk": (TRAIN + " --json >/dev/full", 1),
    "a reader that goes": (TRAIN + " | true; exit ${{PIPESTATUS[0]}}", 0),
    "a table on a full disk": ("summary mlp >/dev/full", 1),
    "a table for a reader that goes": ("summary mlp | true; exit ${{PIPESTATUS[0]}}", 0),
    "a refusal with stderr closed": ("train nonet 2>&-", 2),
}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("name", SHELLS)
def test_what_becomes_of_the_output_does_not_stop_a_run(name, tmp_path):
    command, status = SHELLS[name]
    program = f"{sys.executable} -m tests.command_process {command.format(out=tmp_path / 'run')}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if command.startswith("train lenet"):
        assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 2
        assert (tmp_path / "run" / "weights.safetensors").exists()
    elif status == 1:
        assert "error: the output could not be written (No space left on device)" in done.stderr
