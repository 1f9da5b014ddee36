"""What the benchmarks make of their figures: comparing two result files, and ratios from turns."""

import json
import sys
from dataclasses import replace

import pytest

from benchmarks import compare, document, gpu, networks
from benchmarks.gpu_contenders import ours
from benchmarks.race import times_faster
from minitorch_cv import get_float32_matmul_precision


def result_file(path, **changes):
    """A result file with one network's step of ours and of PyTorch, in ms; changes override what it says."""
    facts = {"processor": "Zuse", "threads": 2, "batch": 32, "numpy": "2.0", "ours": 10.0, "theirs": 20.0} | changes
    contenders = {"eager": {"step_ms": facts["ours"]}, "torch eager": {"step_ms": facts["theirs"]}}
    report = {
        "threads": facts["threads"],
        "machine": {"processor": facts["processor"], "cores": 2, "system": "Linux", "numpy": facts["numpy"]},
        "results": {"nin": {"input": [facts["batch"], 1, 224, 224], "contenders": contenders}},
        "rows": [{"label": "1x1", "ms": facts["ours"]}],
    }
    path.write_text(json.dumps(report))
    return str(path)


@pytest.fixture
def compared(tmp_path, monkeypatch):
    """compared(**changes): the exit status of comparing a file with a changed one."""

    def compared(*options, **changes):
        files = result_file(tmp_path / "old.json"), result_file(tmp_path / "new.json", **changes)
        monkeypatch.setattr(sys, "argv", ["compare", *files, *options])
        try:
            compare.main()
        except SystemExit as stop:
            return stop.code
        return 0

    return compared


def test_the_same_figures_pass(compared, capsys):
    assert compared() == 0
    assert compared(ours=10.9, numpy="2.1") == 0
    printed = capsys.readouterr().out
    assert "numpy: 2.0 -> 2.1" in printed
    assert "nin eager                                        10.000     10.900    0.92x" in printed


def test_what_got_slower_is_a_failure(compared, capsys):
    assert compared(ours=11.1) == 1
    assert capsys.readouterr().out.count("SLOWER") == 2
    assert compared("--tolerance", "0.2", ours=11.1) == 0


def test_another_librarys_figures_fail_nothing(compared):
    assert compared(theirs=99.0) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"processor": "Cray"}, "processor: Zuse and Cray"),
        ({"threads": 1}, "threads: 2 and 1"),
        ({"batch": 64}, "results nin input: [32, 1, 224, 224] and [64, 1, 224, 224]"),
    ],
)
def test_what_cannot_be_compared_is_refused(compared, capsys, change, said):
    assert compared(**change) == 2
    assert said in capsys.readouterr().err


def test_a_figure_that_is_gone_is_a_failure(compared, monkeypatch, capsys):
    monkeypatch.setattr(compare, "TIMES", {"step_ms", "ms"})
    assert compare.report({"a": 1.0, "b": 1.0}, {"a": 1.0}, 0.1) is False
    assert "missing" in capsys.readouterr().out


def test_a_ratio_is_taken_within_each_turn():
    """A machine that runs at half speed in one turn changes no ratio."""
    assert times_faster([1.0, 2.0, 1.0], [3.0, 6.0, 3.0]) == 3.0
    assert times_faster([1.0, 1.0, 1.0], [2.0, 3.0, 9.0]) == 3.0


def test_losses_have_to_agree_after_every_block():
    assert networks.agree([[2.0, 1.0], [2.0005, 1.0005]])
    assert not networks.agree([[2.0, 1.0], [2.0015, 1.0]])
    assert not networks.agree([[2.0, 1.0], [2.0, float("nan")]])


def test_multiply_adds_of_a_step():
    """Three times those of the forward pass, but for the first layer, which has no input gradient."""
    forward, first = 416_520, 28 * 28 * 6 * 25
    network = replace(networks.NETWORKS["lenet"], batch=2)
    assert networks.multiply_adds(network) == network.batch * (3 * forward - first)


def test_what_is_measured_on_a_gpu_runs_on_the_simulated_one(monkeypatch, tmp_path, capsys):
    """The same lines at tiny sizes: weights repeat themselves, and every contender of ours trains."""
    kept = tmp_path / "gpu.json"
    options = ["--device", "cuda-sim", "--tiny", "--turns", "1", "--json", str(kept), "bits", "epoch", "networks"]
    monkeypatch.setattr(sys, "argv", ["gpu", *options])
    gpu.main()
    report = json.loads(capsys.readouterr().out)
    assert report["bits"] == {"network": "lenet", "runs": 2, "steps": 6, "different_weights": 1}
    assert report["epoch"]["images"] == 12
    assert report["networks"].keys() == {"lenet tf32", "lenet bf16"}
    expected = ours(gpu.TINY["lenet"], "float32", "cpu").step().item()
    assert all(
        row["minitorch_cv"]["first_loss"] == pytest.approx(expected, 1e-2) for row in report["networks"].values()
    )
    assert report["epoch"]["contenders"]["minitorch_cv"]["ms"] > 0
    assert get_float32_matmul_precision() == "highest"
    assert not kept.exists()


def test_the_weights_of_another_seed_have_another_hash(monkeypatch):
    """So a hash that repeats itself says something."""
    network = replace(gpu.TINY["lenet"], batch=1)
    first = gpu.hash_of_training(network, 1, "cpu")
    monkeypatch.setattr(gpu, "draw_weights", lambda library, net: None)
    assert gpu.hash_of_training(network, 1, "cpu") != first


def test_the_document_says_what_the_results_say():
    """After a new measurement: `python -m benchmarks.document`."""
    text = document.DOCUMENT.read_text(encoding="utf-8")
    assert document.filled(text) == text
    assert sorted(name for _, name, _ in document.PLACE.findall(text)) == sorted(document.TABLES)


def test_a_table_of_the_document(tmp_path, monkeypatch):
    machine = {"processor": "Zuse", "cores": 2, "system": "Linux", "numpy": "2.4", "numba": "0.6", "torch": "2.13"}
    errors = {"ours": 1e-7, "torch": 2e-7, "ratio": 0.5}
    row = {"input": [2, 1, 28, 28], "outputs": errors, "gradients": errors}
    (tmp_path / "accuracy.json").write_text(json.dumps({"machine": machine, "results": {"lenet": row}}))
    monkeypatch.setattr(document, "RESULTS", tmp_path)
    text = "before\n<!-- figures: accuracy -->\nold\n<!-- end -->\n<!-- figures: ladder -->\nold\n<!-- end -->\nafter\n"
    lines = document.filled(text).splitlines()
    assert "| lenet, 2x1x28x28 | 1.0e-07 | 2.0e-07 | 0.50 | 1.0e-07 | 2.0e-07 | 0.50 |" in lines
    assert "Measured on Zuse (2 cores), Linux, numpy 2.4, numba 0.6, torch 2.13." in lines
    assert "old" not in lines
    assert document.filled("\n".join(lines)) == "\n".join(lines)
    assert lines[-3:] == ["<!-- figures: ladder -->", "<!-- end -->", "after"]
