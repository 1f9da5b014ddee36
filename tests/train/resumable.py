"""Training runs whose every part draws random numbers, to be stopped and gone on with."""

import numpy as np

import minitorch_cv
from minitorch_cv import models, nn, optim
from minitorch_cv.data import DataLoader, Dataset, TensorDataset
from minitorch_cv.nn import functional as F
from minitorch_cv.optim.lr_scheduler import OneCycleLR, StepLR
from minitorch_cv.random import Generator, default_generator
from minitorch_cv.tensor import Tensor
from minitorch_cv.train import EMA, Checkpoint, fit

EPOCHS, IMAGES, BATCH = 2, 26, 4  # 7 batches an epoch, the last one smaller


class Augmented(Dataset):
    """Images that are mirrored and dimmed by random numbers of their batch."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images)

    def fetch_batch(self, indices, generator):
        images = self.images[indices]
        mirrored = generator.random((len(images), 1, 1, 1)) < 0.5
        dimmed = generator.uniform(0.5, 1, (len(images), 1, 1, 1)).astype(np.float32)
        return Tensor(np.where(mirrored, images[..., ::-1], images) * dimmed), Tensor(self.labels[indices])


class Residual(nn.Module):
    """Two convolutions with a way around them, dropout, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.body = nn.Sequential(
            nn.Conv2d(4, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1),
            nn.BatchNorm2d(4),
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(0.3), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(16, 10))

    def forward(self, x):
        x = self.stem(x)
        return self.head(x + self.body(x))


class Run:
    """Everything that one run needs, drawn from one seed but for the data.

    lenet: SGD, a schedule per epoch. residual: batch norm, dropout, momentum, mixing, averaged weights, a schedule per
    batch, batches prepared ahead. adam: the same network with AdamW, all random numbers from the default generator.
    """

    def __init__(self, kind, seed):
        self.kind = kind
        minitorch_cv.manual_seed(seed)
        side = 28 if kind == "lenet" else 8
        rng = np.random.default_rng(7)
        images = rng.random((IMAGES, 1, side, side), np.float32)
        labels = rng.integers(0, 10, IMAGES)
        own = Generator().manual_seed(seed + 1) if kind != "adam" else None
        workers = int(kind == "residual")
        loader = DataLoader(Augmented(images, labels), BATCH, shuffle=True, num_workers=workers, generator=own)
        self.test_loader = DataLoader(TensorDataset(images, labels), BATCH)
        self.mixing = Generator().manual_seed(seed + 2) if own else default_generator
        model = models.lenet(activation="relu") if kind == "lenet" else Residual()
        self.per = "epoch" if kind == "lenet" else "batch"
        if kind == "lenet":
            optimizer = optim.SGD(model.parameters(), lr=0.1)
            scheduler, ema = StepLR(optimizer, 1, 0.5), None
        elif kind == "residual":
            optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
            scheduler, ema = OneCycleLR(optimizer, 0.2, epochs=EPOCHS, steps_per_epoch=len(loader)), EMA(model, 0.8)
        else:
            optimizer = optim.AdamW(model.parameters(), lr=0.01)
            scheduler, ema = None, EMA(model, 0.8)
        self.parts = Checkpoint(
            model,
            optimizer,
            loader,
            scheduler=scheduler,
            ema=ema,
            generators={"mixing": self.mixing} if own else {},
        )

    def mix(self, images, labels):
        """Mixup, with a share of its own generator's for each batch."""
        share = float(self.mixing.numpy.uniform())
        classes = np.eye(10, dtype=np.float32)[labels.numpy()]
        mixed = share * classes + (1 - share) * classes[::-1]
        return images * share + Tensor(images.numpy()[::-1].copy()) * (1 - share), Tensor(mixed.astype("f4"))

    def go(self, epochs=EPOCHS, **callbacks):
        """Train from where the run stands to the end."""
        parts = self.parts
        return fit(
            parts.model,
            parts.train_loader,
            self.test_loader,
            epochs=epochs,
            optimizer=parts.optimizer,
            loss=F.cross_entropy,
            scheduler=parts.scheduler,
            schedule_per=self.per,
            clip_norm=1.0,
            mix=None if self.kind == "lenet" else self.mix,
            ema=parts.ema,
            progress=parts.progress,
            **callbacks,
        )

    def outcome(self):
        """All that must come out the same: bits of weights, averages and optimizer state, and what was measured."""
        parts = self.parts
        bits = {name: tensor.numpy().tobytes() for name, tensor in parts.model.state_dict().items()}
        if parts.ema is not None:
            bits.update({f"ema.{name}": array.tobytes() for name, array in parts.ema.averages.items()})
        state = parts.optimizer.state_dict()
        for position, entries in state["state"].items():
            bits.update({f"{position}.{key}": np.asarray(value).tobytes() for key, value in entries.items()})
        measured = [
            (epoch.epoch, epoch.train_loss, epoch.train_acc, epoch.test_acc) for epoch in parts.progress.history
        ]
        schedule = parts.scheduler and parts.scheduler.state_dict()
        return bits, measured, state["param_groups"], schedule
