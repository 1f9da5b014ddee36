"""Output to a terminal, pipe or file that does not take every character."""

from __future__ import annotations

import codecs
import sys

PLAIN = str.maketrans(dict(zip("├│└─━═×–’", "||`-==x-'")) | {"…": "..."})
HANDLER = "minitorch_cv.plain"


def plain(error: UnicodeError) -> tuple[str, int]:
    """What is written for characters that the encoding lacks: a similar one of ASCII, else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    similar = error.object[error.start : error.end].translate(PLAIN)
    return similar.encode("ascii", "replace").decode("ascii"), error.end


def write_whatever_the_encoding() -> None:
    """Let stdout and stderr take every text, whatever their encoding."""
    codecs.register_error(HANDLER, plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # not those that a test or a notebook put in their place
            stream.reconfigure(errors=HANDLER)
