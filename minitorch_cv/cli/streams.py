"""stdout and stderr that take whatever is written: any text, closed, on a full disk, or with nobody who reads it."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from typing import Any

PLAIN = str.maketrans(dict(zip("├│└─━═×–’", "||`-==x-'")) | {"…": "..."})
HANDLER = "minitorch_cv.plain"


def plain(error: UnicodeError) -> tuple[str, int]:
    """What is written for characters that the encoding lacks: a similar one of ASCII, else a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    similar = error.object[error.start : error.end].translate(PLAIN)
    return similar.encode("ascii", "replace").decode("ascii"), error.end


class Stream:
    """A text stream that goes on after an error, which it keeps: what is written from then on is lost.

    A training run is worth more than what it says of itself.
    """

    def __init__(self, stream: Any):
        self.stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        if self.error is None:
            try:
                return self.stream.write(text)
            except OSError as error:
                self.lose(error)
        return len(text)

    def flush(self) -> None:
        if self.error is None:
            try:
                self.stream.flush()
            except OSError as error:
                self.lose(error)

    def lose(self, error: OSError) -> None:
        """Note the error, and send what the stream still holds nowhere, so that ending the process does not fail."""
        self.error = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def take_everything() -> None:
    """Let stdout and stderr take every text, whatever their encoding and whatever becomes of them."""
    codecs.register_error(HANDLER, plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed before the process began; opening a file takes its place among the descriptors
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - for as long as the process lives
        elif hasattr(stream, "reconfigure") and not isinstance(
            stream, Stream
        ):  # not those that a test or a notebook put in their place
            stream.reconfigure(errors=HANDLER)
            setattr(sys, name, Stream(stream))


def lost_output() -> str:
    """Why what was written to stdout did not arrive; empty if it did, or if its reader had enough and went."""
    sys.stdout.flush()
    error = getattr(sys.stdout, "error", None)
    return "" if error is None or error.errno == errno.EPIPE else str(error.strerror)
