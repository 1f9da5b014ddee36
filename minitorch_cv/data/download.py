"""Fetching a published data set from the mirrors that carry it."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread

from .idx import DataError
from .published import Published

SECONDS_TO_ANSWER = 4.0
SECONDS_TO_STALL = 20.0


def download(published: Published, folder: Path) -> None:
    """Fetch into `folder` those of the data set's files that it lacks, with a progress bar on stderr.

    DataError, with the reason, where no mirror answers or every mirror fails. A file appears in the folder only when it
    is complete and its hash is right.
    """
    mirrors = answering_mirrors(published)
    if not mirrors:
        raise DataError("no mirror answered; is this machine offline?")
    for name, known_hash in published.downloads.items():
        if not (folder / name).is_file():
            fetch(name, known_hash, folder, mirrors)


def answering_mirrors(published: Published) -> list[str]:
    """The mirrors that answer in time, asked all at once so that an offline machine waits for one of them only."""
    import requests

    answered = set()
    probe = list(published.downloads)[-1]

    def ask(mirror: str) -> None:
        try:
            reply = requests.head(mirror + probe, timeout=SECONDS_TO_ANSWER, allow_redirects=True)
        except requests.RequestException:
            return
        if reply.ok:
            answered.add(mirror)

    # Daemon threads, because a name server that hangs obeys no timeout and must not hold the program at its end.
    askers = [Thread(target=ask, args=(mirror,), daemon=True) for mirror in published.mirrors]
    for asker in askers:
        asker.start()
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    for asker in askers:
        asker.join(max(0.0, deadline - time.monotonic()))
    return [mirror for mirror in published.mirrors if mirror in answered]


def fetch(name: str, known_hash: str, folder: Path, mirrors: list[str]) -> None:
    """One file from the first mirror that gives it whole; DataError with the last mirror's reason where none does."""
    import pooch

    downloader = pooch.HTTPDownloader(
        progressbar=True,
        chunk_size=2**16,
        timeout=(SECONDS_TO_ANSWER, SECONDS_TO_STALL),
        headers={"Accept-Encoding": "identity"},  # otherwise a server may have the .gz unpacked on arrival
    )
    reason = ""
    for mirror in mirrors:
        try:
            pooch.retrieve(mirror + name, known_hash, fname=name, path=folder, downloader=downloader)
            return
        except (OSError, ValueError) as error:  # no connection, a full disk | a wrong hash
            reason = " ".join(str(error).split())
    raise DataError(f"{name} could not be downloaded ({reason})")
