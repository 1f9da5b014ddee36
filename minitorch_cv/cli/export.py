"""`minitorch-cv export`: a trained network as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .errors import fail


def command(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Folder of a finished run, or its weights.safetensors.", show_default=False),
    ],
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The ONNX file to write, for instance lenet.onnx.")],
) -> None:
    """Write a trained network as an ONNX file, which other runtimes carry out.

    Its input is named "input", float32 (N, C, H, W) with pixels from 0 to 1, its output "output" the scores
    (N, classes); N is open. Needs the package onnx.

    Exit status: 0 written, 2 no trained network, no package onnx, or a file that cannot be written.
    """
    from ..creation import zeros
    from ..onnx import export
    from ..train.trained import TrainedError, load_trained

    try:
        trained = load_trained(run)
        image = (trained.channels, trained.image_size, trained.image_size)
        export(trained.network, zeros(1, *image), out.expanduser())
    except (TrainedError, ImportError, ValueError) as error:
        fail(error)
    except OSError as error:
        fail(f"cannot write {out} ({error.strerror}); choose another file")
    print(
        f"written to {out}: {trained.model}, input (N, {trained.channels}, {trained.image_size}, {trained.image_size})"
    )
