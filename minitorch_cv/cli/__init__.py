"""The command line: `minitorch-cv train | finetune | predict | summary | export | gradcheck | data | doctor`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from .. import __version__
from . import data, doctor, export, finetune, gradcheck, predict, summary, train
from .errors import say_error
from .streams import lost_output, take_everything

app = typer.Typer(
    name="minitorch-cv",
    help="Convolutional networks by hand: train them, use them, check their gradients.",
    epilog="minitorch-cv COMMAND --help explains the options of a command.",
    add_completion=False,
    rich_markup_mode="markdown",  # which wraps the paragraphs of the commands' descriptions anew
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.command)
app.command("finetune")(finetune.command)
app.command("predict")(predict.command)
app.command("summary")(summary.command)
app.command("export")(export.command)
app.command("gradcheck")(gradcheck.command)
app.command("data")(data.command)
app.command("doctor")(doctor.command)

LEAVES_FILES = {"train", "finetune"}  # what these print is not what they are called for, but for --json

# typer brings its own copy of click in some versions and takes the installed one in others; this names either's class.
UsageError: type[Exception] = typer.BadParameter.__base__  # type: ignore[assignment]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (`arguments`, else the program's own) and return the exit status.

    0: done; 1: training or a check failed; 2: the command line cannot be carried out, for the reason given on one line
    of stderr; 130: ended by Ctrl-C (128 + n: by signal n). Output that cannot be written is an error (1) of commands
    that are called for it, and does not stop a training run.
    """
    take_everything()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        status = app(arguments, prog_name=app.info.name, standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        say_error("stopped by Ctrl-C")
        return 130
    except UsageError as error:
        say_error(error.format_message())  # type: ignore[attr-defined]
        return 2
    if (lost := lost_output()) and status == 0 and not ({*given[:1]} & LEAVES_FILES and "--json" not in given):
        say_error(f"the output could not be written ({lost})")
        return 1
    return status


def show_version(wanted: bool) -> None:
    """Print the version and end, where `wanted`."""
    if wanted:
        print(f"minitorch-cv {__version__}, Python {sys.version.split()[0]}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def commands(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Print the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help(), end="")
