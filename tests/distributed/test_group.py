import os
import subprocess
import sys

import pytest

import minitorch_cv as torch
from minitorch_cv import distributed as dist

from .ranks import ROOT


def python(code, **environment):
    """Run code in a fresh process."""
    path = [environment.pop("first", ""), str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)


def test_one_process_is_rank_0_of_1():
    assert (dist.get_rank(), dist.get_world_size(), dist.get_local_rank()) == (0, 1, 0)
    assert not dist.is_initialized()


def test_importing_the_package_loads_no_mpi():
    done = python("import sys, minitorch_cv; print('mpi4py' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1)),
        ({"PMI_RANK": "1", "PMI_SIZE": "2"}, (1, 2)),
        ({"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4"}, (3, 4)),
        ({"MV2_COMM_WORLD_RANK": "2", "MV2_COMM_WORLD_SIZE": "3"}, (2, 3)),
    ],
)
def test_launchers_tell_rank_and_size(environment, expected):
    assert dist.launched(environment) == expected


def test_an_unknown_backend_and_a_second_group_are_refused(as_rank):
    with pytest.raises(ValueError, match="backend='gloo'; choose None, 'mpi' or 'nccl'"):
        dist.init_process_group("gloo")
    as_rank(0, 2)
    with pytest.raises(RuntimeError, match="exists already"):
        dist.init_process_group()


def test_a_group_of_one_gives_cores_to_numba_and_ends():
    done = python(
        "import os, sys\n"
        "from minitorch_cv import distributed as dist\n"
        "dist.init_process_group()\n"
        "assert dist.is_initialized() and dist.get_world_size() == 1 and sys.excepthook is not sys.__excepthook__\n"
        "dist.destroy_process_group()\n"
        "assert not dist.is_initialized() and sys.excepthook is sys.__excepthook__\n"
        "print(os.environ['NUMBA_NUM_THREADS'], len(os.sched_getaffinity(0)))",
    )
    assert len(set(done.stdout.split())) == 1, done.stderr


def test_without_mpi4py_the_error_says_what_to_install(tmp_path):
    (tmp_path / "mpi4py.py").write_text("raise ImportError('no MPI here')")
    done = python("from minitorch_cv import distributed as dist; dist.init_process_group()", first=str(tmp_path))
    assert "RuntimeError: ranks need mpi4py and an MPI" in done.stderr
    assert "pip install 'minitorch-cv[mpi]'" in done.stderr


def test_the_mpiexec_of_another_mpi_is_noticed():
    started = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}
    done = python("from minitorch_cv import distributed as dist; dist.init_process_group()", **started)
    assert "mpiexec started 2 ranks but mpi4py finds one, as it uses another MPI" in done.stderr


def test_torch_s_names():
    assert {"init_process_group", "is_initialized", "get_rank", "get_world_size", "all_reduce"} < set(dir(dist))
    assert torch.distributed is dist
