"""Messages for a person, who reads them in a terminal of some width or finds them in a file."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TextIO


def width_of(stream: TextIO | None) -> int | None:
    """The columns of the terminal behind a stream; None if it is a file or a pipe, where lines may have any length."""
    if stream is None or not stream.isatty():
        return None
    return shutil.get_terminal_size().columns


def fitted(text: str, width: int | None, indent: int = 0) -> str:
    """The text in lines of at most `width`, broken between words; as it is for None, or if a word is longer.

    indent: how far the lines after the first are moved to the right.
    """
    if width is None:
        return text
    lines = [
        textwrap.fill(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    ]
    return "\n".join(lines)


def say(text: str) -> None:
    """Print a message on stderr, with no word broken at the edge of a terminal."""
    print(fitted(text, width_of(sys.stderr)), file=sys.stderr, flush=True)
