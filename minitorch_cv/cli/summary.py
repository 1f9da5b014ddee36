"""`minitorch-cv summary`."""

from __future__ import annotations

from typing import Annotated

import typer

from .errors import fail


def command(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The network, for instance lenet or torchvision.resnet50.")
    ],
    input_size: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="N,C,H,W",
            help="Shape of the input (default: one image of the usual size).",
        ),
    ] = None,
    depth: Annotated[int, typer.Option(metavar="N", help="How many levels of modules to show.")] = 3,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="An option of the network, for instance num_classes=5; repeatable."),
    ] = None,
) -> None:
    """Print a network's layers with output shapes, parameters and multiply-adds.

    The network runs once on zeros. Multiply-adds are products with weights in convolutions and linear layers.
    """
    from .. import models
    from ..models.recipes import find_recipe
    from ..summary import summary
    from .options import parsed

    try:
        network = models.build(model, parsed(option or []))
        side = 224 if model.startswith("torchvision.") else find_recipe(model).resize
        shape = (1, network.in_channels, side, side) if input_size is None else shape_from(input_size)
        print(summary(network, shape, depth=depth, verbose=0))
    except (ValueError, RuntimeError) as error:
        fail(error)


def shape_from(text: str) -> tuple[int, ...]:
    """The shape written as numbers with commas; ValueError for anything else."""
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise ValueError(f"--input {text}: must be positive whole numbers with commas, for instance 1,1,28,28")
    return shape
