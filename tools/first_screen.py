"""Run the commands at the head of README.md as a newcomer would: `python -m tools.first_screen [--skip COMMAND]...`.

A fresh clone of the last commit (a copy, where this is no repository), an empty home, the PATH of a login shell and
nothing else of this environment: the ```sh blocks before the section "What it looks like" go to one bash, line by
line. The first line that fails ends it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
END = "## What it looks like"
SERVERS = ("jupyter lab",)  # go on until they are stopped; what they print once they listen:
LISTENING = "http://localhost"
PATIENCE = 60  # seconds until a server listens


def commands() -> list[str]:
    """The lines of the shell blocks on README's first screen."""
    head, _, _ = (ROOT / "README.md").read_text(encoding="utf-8").partition(END)
    return [line for block in re.findall(r"```sh\n(.*?)```", head, re.DOTALL) for line in block.splitlines() if line]


def script(lines: list[str]) -> str:
    """One bash program that runs the lines in turn and names each; servers are stopped once they listen."""
    parts = ["set -euo pipefail"]
    for line in lines:
        parts.append(f"echo '$ {line}'")
        if line.startswith(SERVERS):
            parts.append(
                f"({line} --no-browser --allow-root > server.log 2>&1 &)\n"
                f"for _ in $(seq {PATIENCE}); do grep -q {LISTENING} server.log && break; sleep 1; done\n"
                f"grep -m 1 {LISTENING} server.log || (cat server.log; exit 1)"
            )
        else:
            parts.append(line)
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.first_screen", description=__doc__.split("\n")[0])
    parser.add_argument("--skip", action="append", default=[], metavar="COMMAND", help="leave this line out")
    skipped = parser.parse_args().skip
    path = subprocess.run(["bash", "-lc", "echo $PATH"], capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "minitorch_cv"
        if subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=False).returncode:
            shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(".venv*", "runs", "__pycache__"))
        lines = [line.replace("path/to/minitorch_cv", str(clone)) for line in commands() if line not in skipped]
        environment = {"PATH": path, "HOME": folder, "TERM": "dumb"}
        start = time.perf_counter()
        bash = subprocess.Popen(["bash", "-c", script(lines)], cwd=clone, env=environment, start_new_session=True)
        try:
            status = bash.wait()
        finally:
            os.killpg(bash.pid, signal.SIGTERM)  # a server that is still there
    verdict = "every command worked" if status == 0 else f"the last command above ended with status {status}"
    print(f"{verdict} ({time.perf_counter() - start:.0f} s)")
    return status


if __name__ == "__main__":
    sys.exit(main())
