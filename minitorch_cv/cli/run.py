"""One training run: watched on the console, kept in a folder."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console

from minitorch_kernels.jit import on_compile

from .. import __version__, doctor
from ..data import DataLoader, FashionMNIST, Subset
from ..graph import no_grad
from ..nn import functional
from ..optim import SGD
from ..plot import plot_curves, plot_predictions
from ..random import Generator
from ..train import Epoch, NonFiniteLossError, RunFolder, Step, fit, save_weights
from ..train.run_folder import CURVES, PREDICTIONS, WEIGHTS
from .display import Display
from .errors import say_error
from .train import Settings

SAMPLES = 24  # images in the figure of predictions


class Run:
    """What a run was given, how far it has come, and where that is kept."""

    def __init__(
        self,
        settings: Settings,
        network: Any,
        train_set: FashionMNIST,
        test_set: FashionMNIST,
        folder: RunFolder,
        as_json: bool,
    ):
        self.settings = settings
        self.network = network
        self.source = train_set.source
        self.classes = train_set.classes
        self.train_set = first(train_set, settings.limit)
        self.test_set = first(test_set, settings.limit)
        self.folder = folder
        self.as_json = as_json
        self.display = Display(Console(stderr=as_json), settings.epochs)
        self.history: list[Epoch] = []
        self.last_step: Step | None = None

    def carry_out(self) -> int:
        """Train, save, say what came out; returns the exit status."""
        self.folder.write_config(self.config())
        self.show_header()
        start = perf_counter()
        status = self.train()
        seconds = perf_counter() - start
        if self.last_step is not None:
            self.save()
        self.show_result(seconds)
        if self.as_json:
            print(json.dumps(self.result(seconds)))
        return status

    def train(self) -> int:
        """Go through the epochs, to the end or until something stops them; returns the exit status."""
        settings = self.settings
        order = Generator().manual_seed(settings.seed)
        train_loader = DataLoader(self.train_set, settings.batch_size, shuffle=True, generator=order)
        test_loader = DataLoader(self.test_set, settings.batch_size)
        try:
            with self.display:
                on_compile(self.display.compiling)
                fit(
                    self.network,
                    train_loader,
                    test_loader,
                    epochs=settings.epochs,
                    optimizer=SGD(self.network.parameters(), lr=settings.lr),
                    loss=functional.cross_entropy,
                    on_step=self.on_step,
                    on_epoch=self.on_epoch,
                )
        except KeyboardInterrupt:
            self.display.say(f"stopped by Ctrl-C {self.progress()}")
            return 130
        except NonFiniteLossError as error:
            say_error(error)
            return 1
        return 0

    def on_step(self, step: Step) -> None:
        """Note and show a batch."""
        self.last_step = step
        self.display.step(step)

    def on_epoch(self, epoch: Epoch) -> None:
        """Note, keep and show an epoch."""
        self.history.append(epoch)
        self.folder.add_epoch(epoch)
        self.display.epoch(epoch)

    def between_epochs(self) -> bool:
        """True where the weights are those whose test accuracy was measured last."""
        return bool(self.history) and self.last_step is not None and self.last_step.epoch == self.history[-1].epoch

    def progress(self) -> str:
        """How far training came, in words."""
        step = self.last_step
        if step is None:
            return "before the first batch was done"
        if self.between_epochs():
            return f"after epoch {step.epoch} of {self.settings.epochs}"
        return (
            f"in epoch {step.epoch} of {self.settings.epochs}, after batch {step.batch} of {step.batches} "
            f"(in this epoch: loss {step.loss:.4f}, accuracy {step.accuracy:.3f})"
        )

    def save(self) -> None:
        """The weights and the figures; weights that hold NaN or Inf are of no use and are left out."""
        if all(np.isfinite(parameter.detach().numpy()).all() for parameter in self.network.parameters()):
            save_weights(self.network, self.folder.path / WEIGHTS, self.weights_metadata())
            self.draw_predictions()
        if self.history:
            title = f"{self.settings.model} ({self.settings.activation}), learning rate {self.settings.lr:g}"
            plot_curves(self.history, title).savefig(self.folder.path / CURVES)

    def weights_metadata(self) -> dict[str, Any]:
        """Which network the weights are of, how it was trained, and how good it is where that was measured."""
        kept = {name: value for name, value in self.config().items() if name not in ("machine", "versions")}
        kept["trained"] = self.progress() if not self.between_epochs() else count_of(len(self.history), "epoch")
        if self.between_epochs():
            kept["test_acc"] = self.history[-1].test_acc
        return kept

    def draw_predictions(self) -> None:
        """The first test images with their true and predicted classes."""
        images, labels = next(iter(DataLoader(self.test_set, SAMPLES)))
        self.network.eval()
        with no_grad():
            predicted = self.network(images).argmax(1)
        figure = plot_predictions(images.numpy()[:, 0], labels.tolist(), predicted.tolist(), self.classes)
        figure.savefig(self.folder.path / PREDICTIONS)

    def config(self) -> dict[str, Any]:
        """The settings and the circumstances."""
        return {
            **asdict(self.settings),
            "data": self.source,
            "train_images": len(self.train_set),
            "test_images": len(self.test_set),
            "parameters": count_parameters(self.network),
            "machine": f"{doctor.cpu_model()}, {doctor.usable_cores()} cores, {doctor.threads()} threads",
            "versions": doctor.versions(),
        }

    def show_header(self) -> None:
        """What is about to be trained."""
        config, settings = self.config(), self.settings
        counts = f"{config['train_images']:,} training and {config['test_images']:,} test images"
        self.display.header(
            f"minitorch-cv {__version__}: {settings.model} on Fashion-MNIST",
            {
                "machine": config["machine"],
                "data": f"{counts} from {self.source}",
                "model": f"{settings.model} with {settings.activation}, {config['parameters']:,} parameters",
                "settings": f"{count_of(settings.epochs, 'epoch')}, batch {settings.batch_size}, "
                f"SGD with learning rate {settings.lr:g}, seed {settings.seed}, {settings.device}",
                "folder": str(self.folder.path),
            },
        )

    def show_result(self, seconds: float) -> None:
        """The accuracy that was reached, and what lies in the folder."""
        if self.history:
            last = self.history[-1]
            epochs = count_of(last.epoch, "epoch")
            self.display.say(f"\ntest accuracy {last.test_acc:.4f} after {epochs}, {seconds:.1f} s", style="bold")
        self.display.say(f"saved in {self.folder.path}: {', '.join(self.folder.written())}")
        sys.stderr.flush()

    def result(self, seconds: float) -> dict[str, Any]:
        """What --json prints; None for what was not reached. The speed is the median epoch's: the first may compile."""
        last = self.history[-1] if self.history else None
        return {
            "model": self.settings.model,
            "data": self.source,
            "device": self.settings.device,
            "epochs": len(self.history),
            "train_loss": last and last.train_loss,
            "train_acc": last and last.train_acc,
            "test_acc": last and last.test_acc,
            "images_per_second": last and round(median(epoch.images_per_second for epoch in self.history), 1),
            "seconds": round(seconds, 3),
        }


def first(dataset: FashionMNIST, limit: int | None) -> Any:
    """The first `limit` samples of a data set; all for None, and where it has no more."""
    if limit is None or limit >= len(dataset):
        return dataset
    return Subset(dataset, np.arange(limit))


def count_of(number: int, thing: str) -> str:
    """`1 epoch`, `2 epochs`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def count_parameters(network: Any) -> int:
    """The number of trainable numbers in a network."""
    return sum(parameter.numel() for parameter in network.parameters())
