"""Fetching Fashion-MNIST from the mirrors that carry it."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread

from .checksums import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from .idx import DataError

MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)

# SHA-256 of the .gz files as their publisher compressed them; what is inside is checked again when it is read.
ARCHIVES = {
    TRAIN_IMAGES: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    TRAIN_LABELS: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    TEST_IMAGES: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    TEST_LABELS: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}

SECONDS_TO_ANSWER = 4.0
SECONDS_TO_STALL = 20.0


def download(folder: Path) -> None:
    """Fetch into `folder` those of the four .gz files that it lacks, with a progress bar on stderr.

    DataError, with the reason, where no mirror answers or every mirror fails. A file appears in the folder only when it
    is complete and its hash is right.
    """
    mirrors = answering_mirrors()
    if not mirrors:
        raise DataError("no mirror answered; is this machine offline?")
    for name, sha256 in ARCHIVES.items():
        if not (folder / f"{name}.gz").is_file():
            fetch(f"{name}.gz", sha256, folder, mirrors)


def answering_mirrors() -> list[str]:
    """The mirrors that answer in time, asked all at once so that an offline machine waits for one of them only."""
    import requests

    answered = set()

    def ask(mirror: str) -> None:
        try:
            reply = requests.head(f"{mirror}{TEST_LABELS}.gz", timeout=SECONDS_TO_ANSWER, allow_redirects=True)
        except requests.RequestException:
            return
        if reply.ok:
            answered.add(mirror)

    # Daemon threads, because a name server that hangs obeys no timeout and must not hold the program at its end.
    askers = [Thread(target=ask, args=(mirror,), daemon=True) for mirror in MIRRORS]
    for asker in askers:
        asker.start()
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    for asker in askers:
        asker.join(max(0.0, deadline - time.monotonic()))
    return [mirror for mirror in MIRRORS if mirror in answered]


def fetch(name: str, sha256: str, folder: Path, mirrors: list[str]) -> None:
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
            pooch.retrieve(mirror + name, f"sha256:{sha256}", fname=name, path=folder, downloader=downloader)
            return
        except (OSError, ValueError) as error:  # no connection, a full disk | a wrong hash
            reason = " ".join(str(error).split())
    raise DataError(f"{name} could not be downloaded ({reason})")
