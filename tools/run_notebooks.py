"""Run every notebook from its first cell to its last: `python -m tools.run_notebooks`; an error in a cell fails.

With `--save` the outputs are kept in the notebooks, which is how the pictures in them were made.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def main() -> None:
    save = "--save" in sys.argv[1:]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOKS)}}
        ).execute()
        if save:
            nbformat.write(notebook, path)
        print(f"{path.name}: {len(notebook.cells)} cells in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
