"""The package under other versions of Python: `python -m tools.other_pythons [--share 0.1]`.

Each version that is found, on the path or in pyenv's folder, gets a virtual environment, an install with what the tests
need, one epoch of LeNet, and a share of the tests that today's date draws. Versions that are not there are named.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.12", "3.13")


def found(version: str) -> str | None:
    """An interpreter of this version that starts; None if there is none."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for candidate in (shutil.which(f"python{version}"), *map(str, reversed(pyenv))):
        if candidate is None:
            continue
        question = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(question, capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return candidate
    return None


def try_out(interpreter: str, share: float) -> None:
    """Install, train and test; CalledProcessError where one of them fails."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([interpreter, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([python, "-m", "pip", "install", *quiet, f"{ROOT}[test]"], check=True)
        lenet = ["train", "lenet", "--activation", "relu", "--epochs", "1", "--out", f"{folder}/run"]
        subprocess.run([python, "-m", "minitorch_cv", *lenet], cwd=folder, check=True)
        tests = ["-n", "2", "-m", "not parity and not networks", "--sample", str(share), "-p", "no:cacheprovider"]
        subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.other_pythons", description=__doc__.split("\n")[0])
    parser.add_argument("--share", type=float, default=0.1, help="of the tests (default: 0.1)")
    share = parser.parse_args().share
    for version in VERSIONS:
        interpreter = found(version)
        if interpreter is None:
            print(f"there is no Python {version} here: not tried", flush=True)
            continue
        print(f"Python {version}: {interpreter}", flush=True)
        start = time.perf_counter()
        try_out(interpreter, share)
        print(f"Python {version} installs, trains and passes ({time.perf_counter() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
