"""One training run: watched on the console, kept in a folder."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console

from minitorch_kernels.jit import on_compile

from .. import __version__
from ..data import DataError, DataLoader, SharedLoader, Subset
from ..distributed import get_rank, get_world_size
from ..distributed.collectives import gathered
from ..graph import no_grad
from ..models.recipes import find_recipe
from ..nn import SyncBatchNorm, functional
from ..nn.parallel import DistributedDataParallel
from ..out_of_memory import OutOfMemoryError
from ..plot import plot_curves, plot_predictions
from ..random import Generator, manual_seed
from ..tensor import Tensor
from ..train import (
    EMA,
    Checkpoint,
    CheckpointError,
    EarlyStopping,
    Epoch,
    NonFiniteLossError,
    RunFolder,
    Step,
    TensorBoard,
    fit,
    save_weights,
)
from ..train.checkpoint_file import cannot_be_written
from ..train.diagnosis import NonFiniteWeightsError, first_not_finite
from ..train.run_folder import CURVES, PREDICTIONS, WEIGHTS
from .datasets import DataSets
from .description import batches_text, configuration, header, is_between_epochs, position, result
from .display import Display
from .errors import fail, say_error
from .few_images import no_better_than_guessing
from .interrupt import Interrupt, Interruptible
from .parts import first, leaves_one, make_mix, make_optimizer, make_schedule
from .ranks import device_of_rank, end_other_ranks
from .settings import Settings
from .wording import count_of, network_text

SAMPLES = 24  # images in the figure of predictions


class Run:
    """What a run was given, how far it has come, and where that is kept.

    source: where the settings that were not given come from, if not from the network's recipe; notes: further lines of
    the header; groups: parameters with learning rates of their own, if not all are trained alike.
    """

    def __init__(
        self,
        settings: Settings,
        network: Any,
        data: DataSets,
        folder: RunFolder,
        *,
        given: list[str],
        source: str | None = None,
        notes: dict[str, str] | None = None,
        groups: list[dict[str, Any]] | None = None,
        resume: Path | None = None,
        checkpoint_every: int = 0,
        tensorboard: bool = False,
        compiled: bool = False,
        as_json: bool = False,
    ):
        self.settings = settings
        self.network = SyncBatchNorm.convert_sync_batchnorm(network) if get_world_size() > 1 else network
        self.data = data
        self.train_set = first(data.train, settings.limit)
        self.test_set = first(data.test, settings.limit)
        self.config = configuration(settings, data, network, len(self.train_set), len(self.test_set))
        self.config["ranks"] = get_world_size()
        self.device = device_of_rank(settings.device)
        self.folder = folder
        self.given = given
        self.source = source or find_recipe(settings.model, settings.options).source
        self.notes = {name: text for name, text in (notes or {}).items() if text}
        self.groups = groups
        self.resume = resume
        self.checkpoint_every = checkpoint_every
        self.compiled = compiled
        self.as_json = as_json
        self.display = Display(Console(stderr=as_json, quiet=get_rank() > 0), settings.epochs)
        self.interrupt = Interrupt()
        self.board = TensorBoard(folder.path / "tensorboard") if tensorboard and get_rank() == 0 else None
        self.can_save = True  # until a file could not be written
        self.last_step: Step | None = None
        self.steps = 0
        self.parts = self.make_parts()
        self.progress = self.parts.progress
        history = self.progress.history
        self.stopping = EarlyStopping(settings.patience, history=history) if settings.patience else None

    def make_parts(self) -> Checkpoint:
        """Everything that changes while training, in the state that the seed or the checkpoint gives it."""
        settings = self.settings
        order, self.mixing = (Generator().manual_seed(seed) for seed in (settings.seed, settings.seed + 1))
        self.seed_other_ranks(settings.seed)
        optimizer = make_optimizer(settings, self.network, self.groups)
        workers = self.data.workers
        if settings.batch_size < get_world_size():
            size = settings.batch_size
            fail(f"--batch-size {size}: cannot be shared out to {get_world_size()} ranks; take a larger one")
        place = "cpu" if settings.mixup or settings.cutmix else self.device  # mixing reads batches on the CPU
        loader = SharedLoader(
            self.train_set, settings.batch_size, shuffle=True, num_workers=workers, generator=order, device=place
        )
        if leaves_one(len(self.train_set), settings.batch_size, self.network):
            loader.drop_last = True
            self.notes["batches"] = "the last image of each epoch is left out: batch norm takes no batch of one"
        scheduler, self.schedule_per = make_schedule(settings, optimizer, len(loader))
        ema = EMA(self.network, settings.ema) if settings.ema else None
        parts = Checkpoint(
            self.network, optimizer, loader, scheduler=scheduler, ema=ema, generators={"mixing": self.mixing}
        )
        if self.resume is not None:
            self.restore_other_ranks(parts, parts.load(self.resume))
        return parts

    def seed_other_ranks(self, *numbers: int) -> None:
        """From here on, what is drawn on rank 1, 2, ... (dropout, mixtures) differs from rank to rank."""
        if get_rank() > 0:
            default, mixing = np.random.SeedSequence([*numbers, get_rank()]).generate_state(2, np.uint64).tolist()
            manual_seed(default)
            self.mixing.manual_seed(mixing)

    def restore_other_ranks(self, parts: Checkpoint, metadata: dict[str, Any]) -> None:
        """Go on with the random numbers of this rank: exactly, if there were as many ranks before."""
        states = metadata.get("ranks", [])
        if len(states) == get_world_size():
            for name, generator in parts.all_generators().items():
                generator.set_state(states[get_rank()][name])
        else:
            self.seed_other_ranks(self.settings.seed, parts.progress.epoch, parts.progress.batch)

    def carry_out(self) -> int:
        """Train, save, say what came out; returns the exit status."""
        start = perf_counter()
        try:
            if self.ranks_differ():
                return 2
            with self.interrupt:
                if not self.folder.holds_a_run():  # else the one there stays until a batch has shown that this one runs
                    self.begin()
                self.show_header()
                start = perf_counter()
                status = 0 if self.is_over() else self.train()
                self.interrupt.ignore()
                if self.can_save and status != 2 and (self.last_step is not None or self.progress.history):
                    self.begin()
                    self.save()
        except CheckpointError as error:  # the disk is full, or the folder is gone
            say_error(error)
            status = end_other_ranks(1)
        finally:
            self.folder.close()
        seconds = perf_counter() - start
        self.show_result(seconds)
        if self.as_json:
            print(json.dumps(result(self.settings, self.data.source, self.progress.history, seconds)))
        return status

    def ranks_differ(self) -> bool:
        """True, and said, where ranks were given other settings or found other images: they would train apart."""
        first, *others = gathered({**asdict(self.settings), **self.counts(), "checkpoint_every": self.checkpoint_every})
        differing = [
            f"{name} {first[name]} on rank 0, {theirs[name]} on rank {rank}"
            for rank, theirs in enumerate(others, 1)
            for name in first
            if theirs[name] != first[name]
        ]
        if differing and get_rank() == 0:
            say_error(f"the ranks were given other settings: {'; '.join(differing)}; give all of them the same command")
        return bool(differing)

    def counts(self) -> dict[str, int]:
        """How many images there are to train and to test on."""
        return {name: self.config[name] for name in ("train_images", "test_images")}

    def begin(self) -> None:
        """Take over the folder: what an earlier run left there goes, unless this run goes on from it."""
        if not self.folder.begun:
            self.folder.begin()
            self.folder.write_config(self.config)
            self.folder.write_metrics(self.progress.history)

    def is_over(self) -> bool:
        """True, and said, where a run that is resumed has nothing left to do."""
        if self.progress.epoch > self.settings.epochs:
            self.display.say(f"nothing to do: all {self.settings.epochs} epochs are done; ask for more with --epochs")
            return True
        if self.stopping is not None and self.stopping.patience_is_over:
            self.display.say(f"nothing to do: no better test accuracy in {self.settings.patience} epochs")
            return True
        return False

    def train(self) -> int:
        """Go through the epochs, to the end or until something stops them; returns the exit status."""
        settings, parts = self.settings, self.parts
        try:
            with self.display:
                on_compile(self.display.compiling)
                fit(
                    DistributedDataParallel(self.network) if get_world_size() > 1 else self.network,
                    parts.train_loader,
                    self.test_loader(),
                    epochs=settings.epochs,
                    optimizer=parts.optimizer,
                    loss=self.loss,
                    scheduler=parts.scheduler,
                    schedule_per=self.schedule_per,
                    clip_norm=settings.clip_norm or None,
                    mix=make_mix(settings, len(self.data.classes), self.mixing),
                    ema=parts.ema,
                    compiled=self.compiled,
                    on_step=self.on_step,
                    on_epoch=self.on_epoch,
                    progress=self.progress,
                )
        except KeyboardInterrupt:
            self.interrupt.ignore()
            return self.interrupt.status if self.saved_where_it_stopped() else 1
        except NonFiniteLossError as error:  # which all ranks notice at once
            if get_rank() == 0:
                say_error(error.advised(self.advice(error.lr)))
            return 1
        except NonFiniteWeightsError as error:
            say_error(error)
            return end_other_ranks(1)
        except (CheckpointError, DataError, OutOfMemoryError) as error:
            say_error(error)
            self.can_save = not isinstance(error, CheckpointError)
            return end_other_ranks(1)
        except MemoryError as error:
            say_error(f"out of memory ({error}); use a smaller --batch-size or --resize")
            return end_other_ranks(1)
        except ValueError as error:  # images that the network, or a mixture that the loss, cannot take
            if self.last_step is not None:
                raise
            say_error(error)
            return end_other_ranks(2)
        if self.stopping is not None and self.stopping.patience_is_over:
            self.display.say(f"stopped: no better test accuracy in {settings.patience} epochs")
        return 0

    def test_loader(self) -> Any:
        """The images to test on, of which each rank takes its part; one rank alone stops in between at Ctrl-C."""
        ranks, images = get_world_size(), self.test_set
        if ranks > 1:
            images = Subset(images, np.arange(get_rank(), len(images), ranks))
        loader = DataLoader(images, self.settings.batch_size, num_workers=self.data.workers, device=self.device)
        return loader if ranks > 1 else Interruptible(loader, self.interrupt)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """What is minimised."""
        return functional.cross_entropy(logits, labels, label_smoothing=self.settings.label_smoothing)

    def on_step(self, step: Step) -> None:
        """Note and show a batch; save it where it is one to be saved."""
        self.last_step = step
        self.steps += 1
        self.display.step(step)
        self.take_over()
        if self.board is not None:
            self.board.on_step(step)
        if self.checkpoint_every and self.steps % self.checkpoint_every == 0:
            self.save_checkpoint()
        self.interrupt.check()

    def on_epoch(self, epoch: Epoch) -> None:
        """Note, keep and show an epoch."""
        self.keep()
        self.display.epoch(epoch)
        if self.board is not None:
            self.board.on_epoch(epoch)
        self.save_checkpoint()
        if self.stopping is not None:
            self.stopping(epoch)

    def take_over(self) -> None:
        """A batch is done: this run can be carried out, and may have the folder."""
        self.begin()

    def keep(self) -> None:
        """Write down what an epoch reached, which is the last one of the history."""
        self.begin()
        self.folder.write_metrics(self.progress.history)

    def save_checkpoint(self) -> None:
        """Save all that is needed to go on from here, on all ranks. NonFiniteWeightsError where that is spoilt."""
        ranks = self.generator_states()
        self.check_weights()
        path = self.folder.checkpoint_path(self.progress)
        self.parts.save(path, {**self.checkpoint_metadata(), "ranks": ranks})
        self.folder.keep_checkpoint(path)

    def check_weights(self) -> None:
        """NonFiniteWeightsError where the last step made a weight, or a number beside it, NaN or infinite."""
        for name, tensor in self.network.state_dict().items():
            if place := first_not_finite(tensor):
                lr = self.parts.optimizer.param_groups[0]["lr"]
                raise NonFiniteWeightsError(
                    f"{name} has come to hold {place} {self.position()}, with learning rate {lr:g}: the steps are too "
                    f"large, and this is not saved; {self.advice(lr)}"
                )

    def advice(self, lr: float) -> str:
        """What to try where the steps are too large; a run that goes on keeps its learning rate."""
        recipe = find_recipe(self.settings.model, self.settings.options)
        known = recipe.optimizer == self.settings.optimizer and recipe.lr < lr
        smaller = f"{recipe.lr if known else lr / 10:g}"
        if self.resume is None:
            return f"try a smaller one, for instance {smaller}"
        return f"begin anew with --lr {smaller}, as a run that goes on keeps its learning rate"

    def generator_states(self) -> list[dict[str, Any]]:
        """What random numbers come next, on each rank; nothing for one rank, as the checkpoint has its own anyway."""
        states = {name: generator.get_state() for name, generator in self.parts.all_generators().items()}
        return gathered(states) if get_world_size() > 1 else []

    def saved_where_it_stopped(self) -> bool:
        """Save the batch after which Ctrl-C stopped; a second Ctrl-C came in the middle of one, which is of no use."""
        saved = self.last_step is not None and self.interrupt.between_batches
        if saved:
            try:
                self.save_checkpoint()
            except CheckpointError as error:
                say_error(error)
                self.can_save = False
                return False
        where = self.position() if saved or self.last_step is None else "in the middle of a batch, which is not saved"
        self.display.say(f"stopped by {self.interrupt.name} {where}")
        return True

    def checkpoint_metadata(self) -> dict[str, Any]:
        """What a run that goes on has to agree with."""
        return {"settings": asdict(self.settings), **self.counts()}

    def save(self) -> None:
        """The weights, averaged where they are, and the figures; weights that hold NaN or Inf are left out."""
        with nullcontext() if self.parts.ema is None else self.parts.ema.averaged():
            if not any(first_not_finite(tensor) for tensor in self.network.state_dict().values()):
                self.save_weights()
                self.draw_predictions()
            else:
                self.display.say("the weights hold NaN or Inf and are not saved")
        if self.progress.history:
            title = f"{network_text(self.settings)}, learning rate {self.settings.lr:g}"
            self.folder.write_figure(CURVES, plot_curves(self.progress.history, title))
        if self.board is not None:
            self.board.close()

    def save_weights(self) -> None:
        """The weights, in the place of earlier ones. CheckpointError where they cannot be written."""
        path = self.folder.path / WEIGHTS
        try:
            save_weights(self.network, path, self.weights_metadata())
        except OSError as error:
            raise CheckpointError(f"{path} {cannot_be_written(error)}") from error

    def weights_metadata(self) -> dict[str, Any]:
        """Which network the weights are of, how it was trained, and how good it is where that was measured."""
        kept = {name: value for name, value in self.config.items() if name not in ("machine", "versions")}
        history = self.progress.history
        if not is_between_epochs(self.progress):
            return {**kept, "trained": self.position()}
        return {**kept, "trained": count_of(len(history), "epoch"), "test_acc": history[-1].test_acc}

    def draw_predictions(self) -> None:
        """The first test images with their true and predicted classes."""
        try:
            images, labels = next(iter(DataLoader(self.test_set, SAMPLES)))
        except DataError as error:  # a broken file, which evaluating found or would have found as well
            say_error(error)
            return
        self.network.eval()
        with no_grad():
            predicted = self.network(images.to(self.device)).argmax(1)
        figure = plot_predictions(images.numpy(), labels.tolist(), predicted.tolist(), self.data.classes)
        self.folder.write_figure(PREDICTIONS, figure)

    def show_header(self) -> None:
        """What is about to be trained, and where the settings come from."""
        settings = self.settings
        title = f"minitorch-cv {__version__}: {settings.model} on {self.data.title}"
        batches = batches_text(self.parts.train_loader, settings)
        facts = header(self.config, settings, batches, self.source_of_settings(), str(self.folder.path))
        if get_world_size() > 1:
            facts["settings"] += f", {get_world_size()} ranks"
        self.display.header(title, {**facts, **self.notes})
        if self.resume is not None:
            self.display.say(f"going on {self.position()}, from {self.resume}\n")

    def position(self) -> str:
        """How far training came, in words."""
        return position(self.progress, self.settings.epochs, len(self.parts.train_loader))

    def source_of_settings(self) -> str:
        """Which settings were given, and where the others come from."""
        if self.resume is not None:
            return "the checkpoint"
        given = ", ".join(name.replace("_", "-") for name in self.given)
        return f"{given} as given, the rest {self.source}" if given else self.source

    def show_result(self, seconds: float) -> None:
        """The accuracy that was reached, and what lies in the folder."""
        if self.progress.history:
            last = self.progress.history[-1]
            epochs = count_of(last.epoch, "epoch")
            self.display.say(f"\ntest accuracy {last.test_acc:.4f} after {epochs}, {seconds:.1f} s", style="bold")
            images, classes = len(self.train_set), len(self.data.classes)
            if guesses := no_better_than_guessing(self.settings, images, classes, last):
                self.display.say(guesses, style="yellow")
        if self.folder.begun and self.folder.holds_a_run():
            self.display.say(f"saved in {self.folder.path}: {', '.join(self.folder.written())}")
        sys.stderr.flush()


class Follower(Run):
    """The same run on rank 1, 2, ..., which trains along and leaves all that is shown and kept to rank 0."""

    def carry_out(self) -> int:
        if self.ranks_differ():
            return 2
        with self.interrupt:
            return 0 if self.is_over() else self.train()

    def take_over(self) -> None:
        pass

    def keep(self) -> None:
        pass

    def save_checkpoint(self) -> None:
        self.generator_states()


def run_of_this_rank() -> type[Run]:
    """Rank 0 shows and keeps what comes out, the others train along."""
    return Follower if get_rank() > 0 else Run
