"""What the benchmarks make of their figures: comparing two result files, and ratios from turns."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchmarks import compare, document, gpu, gpu_tests, networks
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


class Stepping:
    """A contender of which the first step, a later one, or none fails."""

    def __init__(self, fails_at=None):
        self.steps, self.fails_at = 0, fails_at

    def __call__(self):
        if self.fails_at == 0:
            raise MemoryError("no room for torch compiled")
        self.steps = 0
        return gpu.Contender("torch", self.step, lambda: None)

    def step(self):
        self.steps += 1
        if self.steps == self.fails_at:
            raise RuntimeError(f"a captured graph at step {self.steps}")
        return 2.0


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """measured(makers, parts): the report of the parts, and the file as it was when each network got ready."""

    def measured(makers, *parts):
        path, seen = tmp_path / "results" / "gpu.json", []

        def contenders(network, precision, device):
            seen.append(json.loads(path.read_text()))
            return makers

        monkeypatch.setattr(gpu, "with_torch", lambda device: True)
        monkeypatch.setattr(gpu, "torch_contenders", contenders)
        monkeypatch.setattr(gpu, "MEASURED", ("lenet",))
        monkeypatch.setattr(gpu, "NETWORKS", dict.fromkeys(("lenet", "alexnet"), gpu.TINY["lenet"]))
        monkeypatch.setattr(gpu, "BLOCK_SECONDS", 0)
        monkeypatch.setattr(sys, "argv", ["gpu", "--device", "cpu", "--turns", "3", "--json", str(path), *parts])
        gpu.main()
        assert [file.name for file in path.parent.iterdir()] == ["gpu.json"]
        return json.loads(path.read_text()), seen

    return measured


@pytest.mark.parametrize("fails_at", [0, 1, gpu.WARM_UP + 1, gpu.WARM_UP + 3, gpu.WARM_UP + 5])
def test_a_contender_that_fails_takes_nobody_along(measured, fails_at):
    """It fails as it gets ready, in its first step, when its steps are counted, in the first turn or the last."""
    broken = [("broken", lambda: Stepping(fails_at)()), ("works", Stepping())]
    report, seen = measured([(name, make_named(name, make)) for name, make in broken], "networks")
    assert [*seen[0]["networks"]] == []
    assert [*seen[1]["networks"]] == ["lenet tf32"], "a row is in the file before the next begins"
    for row in report["networks"].values():
        assert row["broken"]["failed"].splitlines()[-1].startswith(("MemoryError: no room", "RuntimeError: a captured"))
        assert row["works"]["first_loss"] == 2.0
        assert row["works"]["ms"] >= 0
        assert row["minitorch_cv"]["ms"] > 0
        assert "times as fast as works" in row["minitorch_cv"]
        assert "times as fast as broken" not in row["minitorch_cv"]
        assert ("ms" in row["broken"]) == (fails_at == gpu.WARM_UP + 5), "turns before the failure count"


def make_named(name, make):
    return lambda: replace(make(), name=name)


def test_where_ours_fails_the_others_are_measured(measured, monkeypatch):
    monkeypatch.setattr(gpu, "ours", lambda *args: Stepping(0)())
    report, _ = measured([("torch", Stepping())], "networks")
    assert report["networks"].keys() == {"lenet tf32", "lenet bf16"}
    for row in report["networks"].values():
        assert row["minitorch_cv"].keys() == {"failed"}
        assert row["torch"].keys() == {"first_loss", "ms", "least_ms"}


def test_a_part_that_fails_leaves_the_others(measured, monkeypatch):
    def no_images(**options):
        raise OSError("no images here")

    monkeypatch.setattr(gpu, "FashionMNIST", no_images)
    monkeypatch.setattr(gpu, "hash_of_training", lambda network, steps, device: "same")
    report, _ = measured([("torch", Stepping())], "epoch", "bits")
    assert report["epoch"]["failed"].splitlines()[-1] == "OSError: no images here"
    assert report["bits"] == {"network": "lenet", "steps": 20, "runs": 20, "different_weights": 1}


def test_no_row_begins_when_the_minutes_are_over(measured, monkeypatch):
    clock = iter(range(0, 10_000, 100))  # seconds: the third look is after 300 of the 360
    monkeypatch.setattr(gpu, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(gpu, "hash_of_training", lambda network, steps, device: "same")
    report, _ = measured([("torch", Stepping())], "bits")
    assert report["bits"].keys() == {"network", "left out"}


TESTS = """
import time, pytest
def test_right(): pass
@pytest.mark.skip
def test_left_out(): pass
@pytest.mark.parametrize("x", [1, 2])
def test_wrong(x): assert x == 2, "x is 1"
@pytest.fixture
def broken(): raise OSError("no GPU")
def test_broken(broken): pass
"""


def test_results_of_tests(tmp_path):
    (tmp_path / "test_short.py").write_text(TESTS)
    found = gpu_tests.outcomes([*gpu_tests.PYTEST, str(tmp_path / "test_short.py")], 60)
    assert (found["ended"], found["passed"], found["failed"], found["skipped"]) == ("by itself, with status 1", 2, 2, 1)
    assert [name.split("::")[1] for name in found["failures"]] == ["test_wrong[1]", "test_broken"]
    assert "x is 1" in found["failures"]["test_short::test_wrong[1]"]
    assert "2 passed" in found["lines"][-1]


def test_results_of_tests_that_take_too_long(tmp_path):
    """The one that hangs says where: those before it count."""
    (tmp_path / "test_long.py").write_text(TESTS + "def test_hangs(): time.sleep(60)\ndef test_after(): pass\n")
    found = gpu_tests.outcomes([*gpu_tests.PYTEST, str(tmp_path / "test_long.py")], 6)
    assert found["ended"] == "interrupted after 6 seconds"
    assert (found["passed"], found["skipped"]) == (2, 1)
    assert "test_long::test_wrong[1]" in found["failures"]


def test_a_program_that_is_not_there_and_one_that_finds_nothing():
    assert "no-such-sanitizer" in gpu_tests.outcomes(["no-such-sanitizer"], 5)["ended"]
    found = gpu_tests.outcomes([sys.executable, "-c", "print('nothing')"], 30)
    assert (found["ended"], found["lines"]) == ("by itself, with status 0", ["nothing"])
    assert found["results"].startswith("none (")


def test_the_tests_for_a_gpu_are_there():
    assert [path for path in gpu_tests.DEVICES if not (gpu_tests.ROOT / path).is_file()] == []
    text = (gpu_tests.ROOT / gpu_tests.WATCHED[0]).read_text()
    assert "def test_cuda_matches_reference" in text
    assert "order_of_threads" in text


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
