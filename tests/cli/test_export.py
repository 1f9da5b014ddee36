import numpy as np
import pytest

import minitorch_cv
from minitorch_cv import models
from minitorch_cv.cli import main
from minitorch_cv.train import save_weights

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture
def run(tmp_path):
    """A LeNet's folder, as a training run leaves it, and the network."""
    network = models.lenet(num_classes=4)
    facts = {"model": "lenet", "options": {}, "in_channels": 1, "classes": list("abcd"), "resize": 28}
    save_weights(network, tmp_path / "weights.safetensors", facts)
    return tmp_path, network


def test_the_file_computes_what_the_network_does(run, capsys):
    folder, network = run
    assert main(["export", str(folder), str(folder / "net.onnx")]) == 0
    assert capsys.readouterr().out == f"written to {folder / 'net.onnx'}: lenet, input (N, 1, 28, 28)\n"
    x = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(["output"], {"input": x})
    with minitorch_cv.no_grad():
        ours = network(minitorch_cv.tensor(x)).numpy()
    np.testing.assert_allclose(scores, ours, atol=1e-5)


def test_errors_are_one_line(run, capsys):
    folder, _ = run
    assert main(["export", str(folder / "nothing"), "net.onnx"]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert main(["export", str(folder), str(folder / "missing" / "net.onnx")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"minitorch-cv: error: cannot write {folder / 'missing' / 'net.onnx'} (")
    assert error.count("\n") == 1
