"""What is seen while a network trains: a header, a bar with loss, accuracy and speed, and a line for each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.spinner import Spinner

from ..messages import fitted
from ..train import Epoch, Step

COLUMNS = f"{'epoch':>7}  {'train loss':>10}  {'train acc':>9}  {'test acc':>8}  {'images/s':>8}  {'seconds':>7}"


class Display:
    """Shows a training run on a console: moving where that is a terminal, one plain line per epoch where it is not."""

    def __init__(self, console: Console, epochs: int):
        self.console = console
        self.epochs = epochs
        self.watching = False
        self.compiled: list[str] = []
        self.compiling_since: float | None = None
        self.waiting: Spinner | None = Spinner("dots", "loading kernels")
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24, complete_style="cyan", finished_style="cyan"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self.task = self.bar.add_task("", numbers="", total=None)
        self.live = Live(console=console, get_renderable=self.moving_part, transient=True, refresh_per_second=5)

    def __enter__(self) -> Display:
        self.say(COLUMNS, style="bold")
        self.watching = True
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.watching = False
        self.live.stop()

    def say(self, text: str, style: str | None = None, indent: int = 0) -> None:
        """Print a line; on a terminal as several, if it is longer than that is wide."""
        width = self.console.width if self.console.is_terminal else None
        text = fitted(text, width, indent)
        self.console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)

    def header(self, title: str, facts: Mapping[str, str]) -> None:
        """What is trained, on what, with which settings."""
        self.say(title, style="bold")
        for name, value in facts.items():
            self.say(f"  {name:<8}  {value}", indent=12)
        self.say("")

    def moving_part(self) -> RenderableType:
        """The last line of the terminal: what is waited for, else the progress bar."""
        return self.waiting or self.bar.get_renderable()

    def compiling(self, function: str) -> None:
        """A kernel is about to be compiled; of no interest outside the `with` block."""
        if not self.watching:
            return
        if self.compiling_since is None:
            self.compiling_since = perf_counter()
            if not self.console.is_terminal:
                self.say("compiling kernels for this machine (first run only, up to half a minute) ...")
        self.compiled.append(function)
        self.waiting = Spinner("dots", f"compiling kernels for this machine (first run only): {function}")

    def go_on(self) -> None:
        """What was waited for is there; say what was compiled, if anything was."""
        self.waiting = None
        if self.compiling_since is not None:
            seconds = perf_counter() - self.compiling_since
            self.say(f"compiled {len(self.compiled)} functions in {seconds:.1f} s; later runs find them ready")
            self.compiling_since = None
            self.compiled.clear()

    def step(self, step: Step) -> None:
        """A batch is done."""
        self.go_on()
        self.bar.update(
            self.task,
            description=f"{step.epoch:>3}/{self.epochs:<3}",
            completed=step.batch,
            total=step.batches,
            numbers=f"loss {step.loss:.4f}  acc {step.accuracy:.3f}  {step.images_per_second:,.0f} images/s",
        )

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done."""
        self.go_on()
        number = f"{epoch.epoch}/{self.epochs}"
        self.say(
            f"{number:>7}  {epoch.train_loss:>10.4f}  {epoch.train_acc:>9.3f}  {epoch.test_acc:>8.3f}  "
            f"{epoch.images_per_second:>8,.0f}  {epoch.seconds:>7.1f}"
        )
        self.bar.reset(self.task)
