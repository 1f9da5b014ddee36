"""Where batches are made, as the header of a run says it."""

import contextvars

import pytest

from minitorch_cv.data import DataLoader

from .runs import metrics


def batches_line(capsys):
    """What the header says of batches, None where it says nothing."""
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  batches ")]
    assert len(lines) <= 1
    return lines[0].removeprefix("  batches").strip() if lines else None


def on_the_simulated_gpu(train, *options):
    """A run with the CUDA kernels, of which the other tests of this folder see only the references."""
    return contextvars.Context().run(train, "--device", "cuda-sim", *options)


def test_batches_made_on_the_gpu_train_as_those_of_the_cpu_do(train, out, capsys, monkeypatch):
    resident = []
    make = DataLoader.make_resident
    monkeypatch.setattr(DataLoader, "make_resident", lambda loader: resident.append(make(loader)) or resident[-1])
    options = "--activation", "relu", "--lr", "0.1", "--augment", "flip,crop"
    assert train(*options) == 0
    assert batches_line(capsys) is None
    expected = metrics(out)
    assert on_the_simulated_gpu(train, *options) == 0
    assert batches_line(capsys) == "made on cuda-sim, where all images lie as bytes"
    assert [len(images) for images in resident] == [16, 16]  # training and test
    for got, want in zip(metrics(out), expected, strict=True):
        assert got["train_loss"] == pytest.approx(want["train_loss"], abs=1e-5)
        assert (got["train_acc"], got["test_acc"]) == (want["train_acc"], want["test_acc"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--augment", "flip,noise"], "GaussianNoise computes pixels that only the CPU computes so far"),
        (["--mixup", "0.2"], "images are mixed there"),
        (["--cutmix", "0.2"], "images are mixed there"),
    ],
)
def test_batches_made_on_the_cpu(train, capsys, options, reason):
    assert on_the_simulated_gpu(train, *options, "--limit", "4", "--batch-size", "2", "--epochs", "1") == 0
    assert batches_line(capsys) == f"made on the CPU and moved to cuda-sim: {reason}"
