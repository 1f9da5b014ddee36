"""`minitorch-cv train` refuses what makes no sense, in one line."""

import contextvars

import pytest

from minitorch_cv.cli import main
from minitorch_kernels.sim_arrays import limited_memory


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "-1"], "--epochs -1: must be at least 1"),
        (["--epochs", "0"], "--epochs 0: must be at least 1"),
        (["--batch-size", "0"], "--batch-size 0: must be at least 1"),
        (["--limit", "0"], "--limit 0: must be at least 1"),
        (["--lr", "0"], "--lr 0: must be a positive number, for instance 0.1"),
        (["--lr", "-0.5"], "--lr -0.5: must be a positive number, for instance 0.1"),
        (["--lr", "nan"], "--lr nan: must be a positive number, for instance 0.1"),
        (["--lr", "inf"], "--lr inf: must be a positive number, for instance 0.1"),
        (
            ["--device", "cuda"],
            "device 'cuda': CuPy, which drives the GPU, is not installed: pip install 'minitorch-cv[cuda12]', or "
            "[cuda13] where nvidia-smi shows CUDA 13 or newer; use device='cpu', or 'cuda-sim' to run CUDA kernels "
            "without a GPU",
        ),
        (["--device", "gpu"], "unknown device 'gpu'; choose 'cpu', 'cuda', 'cuda:0' or 'cuda-sim'"),
        (["--resize", "0"], "--resize 0: must be at least 1"),
        (["--momentum", "1"], "--momentum 1: must be from 0 to below 1"),
        (["--momentum", "0.9", "--optimizer", "adam"], "--momentum is for --optimizer sgd or rmsprop, not for adam"),
        (["--weight-decay", "-1"], "--weight-decay -1: must be 0 or more"),
        (["--label-smoothing", "1"], "--label-smoothing 1: must be from 0 to below 1"),
        (["--ema", "1"], "--ema 1: must be from 0 to below 1"),
        (["--mixup", "0.2", "--cutmix", "1"], "--mixup and --cutmix exclude each other; give one of them"),
        (
            ["--optimizer", "lion"],
            "--optimizer lion: choose one of sgd, adam, adamw, rmsprop, adagrad, adadelta",
        ),
        (
            ["--schedule", "linear"],
            "--schedule linear: choose one of none, step, multistep, exponential, inverse-time, cosine, one-cycle, "
            "plateau",
        ),
        (
            ["--gamma", "0.5"],
            "--gamma is for --schedule step or multistep or exponential or inverse-time or plateau, not for none",
        ),
        (["--schedule", "step", "--gamma", "1"], "--gamma 1: must be between 0 and 1"),
        (["--schedule", "step", "--warmup", "1"], "--warmup is for --schedule cosine, not for step"),
        (["--schedule", "step", "--milestones", "1"], "--milestones is for --schedule multistep, not for step"),
        (
            ["--schedule", "multistep", "--milestones", "5,x"],
            "--milestones 5,x: must be rising numbers of epochs, for instance 5,8",
        ),
        (["--schedule", "cosine", "--warmup", "2"], "--warmup 2: must be less than the 2 epochs"),
        (["--option", "ratio"], "--option ratio: must be NAME=VALUE, for instance num_classes=5"),
    ],
)
def test_a_setting_without_sense_is_an_error_of_one_line(train, out, capsys, without_cupy, options, message):
    assert train(*options) == 2
    shown = capsys.readouterr()
    assert shown.err == f"minitorch-cv: error: {message}\n"
    assert shown.out == ""
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--activation", "sine"], "LeNet: activation='sine'; choose one of sigmoid, relu, tanh"),
        (
            ["--option", "ratio=4"],
            "lenet has no option 'ratio'; choose among: in_channels, num_classes, activation",
        ),
        (
            ["--option", "num_classes=5"],
            "--option num_classes=5: the data have 10 classes; leave the option out",
        ),
    ],
)
def test_an_option_that_the_network_does_not_take(train, out, capsys, options, message):
    assert train(*options) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"minitorch-cv: error: {message}"
    assert not out.exists()


def test_images_of_a_size_that_the_network_does_not_take(train, capsys):
    assert train("--resize", "32") == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "minitorch-cv: error: LeNet: takes images of shape (N, 1, 28, 28), got (8, 1, 32, 32); resize them to (28, 28)"
    )


def test_a_full_gpu(train, capsys):
    with limited_memory(600_000):
        assert contextvars.Context().run(train, "--device", "cuda-sim") == 1  # its kernels, not the references
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("minitorch-cv: error: out of GPU memory in features.act1 (Sigmoid)")
    assert error.endswith("; try a batch of 4 instead of 8")


def test_an_unknown_model(capsys):
    assert main(["train", "lenett"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("minitorch-cv: error: unknown model 'lenett'; choose one of: ")
    assert error.endswith(" (did you mean 'lenet'?)\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["train", "lenet"], ["data", "--no-download"]])
def test_a_data_folder_without_data(arguments, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main([*arguments, "--data", str(tmp_path / "empty")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"minitorch-cv: error: {tmp_path / 'empty'}: ")
    assert error.count("\n") == 1


def test_a_data_folder_that_cannot_be_read(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["train", "lenet", "--data", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"minitorch-cv: error: {tmp_path / 'file'}: the data folder cannot be read (Not a directory); check the path"
    )
    assert error.count("\n") == 1


def test_a_run_folder_that_cannot_be_made(train, out, capsys):
    out.write_text("in the way")
    assert train() == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == (
        f"minitorch-cv: error: cannot write to the folder {out} (File exists); choose another one with --out"
    )
