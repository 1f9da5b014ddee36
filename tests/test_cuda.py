"""minitorch_cv.cuda: on no GPU, and on a stand-in for CuPy."""

import gc

import pytest

import minitorch_cv as mt
from minitorch_cv import doctor
from minitorch_kernels.cupy_here import why_nothing_compiles

from .strict_cupy import installing, pools, raw


def test_without_cupy_there_is_nothing_and_the_name_says_why(without_cupy):
    assert not mt.cuda.is_available()
    assert mt.cuda.device_count() == mt.cuda.memory_allocated() == mt.cuda.max_memory_allocated() == 0
    mt.cuda.synchronize()
    mt.cuda.reset_peak_memory_stats()
    mt.cuda.empty_cache()
    with pytest.raises(RuntimeError, match=r"device 'cuda': CuPy, .* is not installed: pip install"):
        mt.cuda.get_device_name()


def test_names_and_waiting(strict_cupy, monkeypatch):
    freed = []
    monkeypatch.setattr(pools.MemoryPool, "free_all_blocks", lambda pool: freed.append(pool))
    assert mt.cuda.is_available()
    assert mt.cuda.device_count() == 2
    names = [mt.cuda.get_device_name(place) for place in (None, 1, "cuda:1", mt.device("cuda", 0))]
    assert names == ["GPU 0", "GPU 1", "GPU 1", "GPU 0"]
    mt.cuda.synchronize()
    mt.cuda.empty_cache()
    assert freed == [strict_cupy.get_default_memory_pool()]
    with pytest.raises(ValueError, match=r"a GPU is asked for, 'cuda' or 'cuda:0', not 'cpu'"):
        mt.cuda.synchronize("cpu")


@pytest.mark.parametrize("place", ["cuda:0", "cuda:1"])
def test_memory_and_its_peak(strict_cupy, monkeypatch, place):
    monkeypatch.setattr(mt.cuda, "_peaks", {})
    monkeypatch.setattr(pools.thread, "hooks", [])
    kept = mt.ones(128, device=place)  # 512 bytes, which a pool counts by
    assert mt.cuda.memory_allocated(place) == mt.cuda.max_memory_allocated(place) == 512
    large = mt.ones(1000, device=place)
    del large
    assert (mt.cuda.memory_allocated(place), mt.cuda.max_memory_allocated(place)) == (512, 512 + 4096)
    mt.cuda.reset_peak_memory_stats(place)
    assert mt.cuda.max_memory_allocated(place) == 512
    assert mt.cuda.memory_allocated("cuda:1" if place == "cuda:0" else "cuda:0") == 0
    assert len(pools.thread.hooks) == 1
    assert kept.device == place


def test_a_gpu_that_is_not_there(strict_cupy, monkeypatch):
    installing.installed(monkeypatch, gpus=2)
    for call in (lambda: mt.cuda.synchronize(2), lambda: mt.ones(1).to("cuda:2"), lambda: mt.cuda.get_rng_state(7)):
        with pytest.raises(RuntimeError, match=r"device 'cuda:[27]': there are 2 GPUs here, 'cuda:0' to 'cuda:1'"):
            call()
    installing.installed(monkeypatch, gpus=0)
    with pytest.raises(RuntimeError, match="device 'cuda': there is no GPU; use device='cpu', or 'cuda-sim'"):
        mt.ones(1).cuda()


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (0, "; CuPy is built for CUDA 13.0, there is no driver)"),
        (12040, "the driver runs up to CUDA 12.4: update the driver, or pip install 'minitorch-cv[cuda12]')"),
    ],
)
def test_cupy_for_another_cuda_version(strict_cupy, monkeypatch, driver, words):
    failure = RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")
    installing.installed(monkeypatch, gpus=failure, driver=driver, built=13000)
    assert not mt.cuda.is_available()
    with pytest.raises(RuntimeError) as raised:
        mt.ones(1).cuda()
    assert "CuPy cannot use the GPU (RuntimeError: cudaErrorInsufficientDriver" in str(raised.value)
    assert words in str(raised.value)


@pytest.fixture
def without_headers(strict_cupy, monkeypatch):
    """What CuPy 14 says where it was installed without [ctk]; how often it was asked to compile."""
    asked = []

    def compile(module, log_stream=None):
        asked.append(module)
        raise RuntimeError("Failed to find CUDA headers")

    monkeypatch.setattr(raw.RawModule, "compile", compile)
    why_nothing_compiles.cache_clear()
    yield asked
    why_nothing_compiles.cache_clear()


def test_a_cupy_that_cannot_compile_is_none(without_headers):
    words = r"CuPy cannot compile kernels \(RuntimeError: Failed to find CUDA headers\): .* 'minitorch-cv\[cuda13\]'"
    assert not mt.cuda.is_available()
    assert mt.cuda.device_count() == mt.cuda.memory_allocated() == 0
    with pytest.raises(RuntimeError, match=words + ".*cuda-sim"):
        mt.ones(1).cuda()
    with pytest.raises(RuntimeError, match=words):
        mt.cuda.get_device_name()
    assert doctor.facts()["cuda"]["gpu"].startswith("CuPy cannot compile kernels")
    assert len(without_headers) == 1, "an empty kernel is compiled once in a process"


def captured_step(place):
    """A training step that was called until it is a CUDA graph, and what it was called with."""
    net = mt.nn.Linear(64, 32).to(place)
    optimizer = mt.optim.SGD(net.parameters(), lr=1e-5)
    x = mt.ones(256, 64, device=place)

    @mt.compile
    def step(x):
        optimizer.zero_grad()
        loss = net(x).relu().sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    for _ in range(5):
        step(x)
    return step, x


def test_the_memory_of_a_captured_step_is_counted_until_it_is_gone(strict_cupy, monkeypatch):
    monkeypatch.setattr(mt.cuda, "_peaks", {})
    monkeypatch.setattr(pools.thread, "hooks", [])
    mt.cuda.reset_peak_memory_stats()
    step, x = captured_step("cuda:0")
    default = strict_cupy.get_default_memory_pool()
    held = mt.cuda.memory_allocated() - default.used_bytes()
    assert held >= 256 * 32 * 4, "what the linear map returned lies in the graph"
    assert mt.cuda.max_memory_allocated() >= mt.cuda.memory_allocated()
    assert mt.cuda.memory_allocated(1) == 0
    mt.cuda.empty_cache()
    assert mt.cuda.memory_allocated() - default.used_bytes() == held, "the step still needs it"
    before = step(x).item()
    assert step(x).item() != before
    del step
    gc.collect()
    assert mt.cuda.memory_allocated() == default.used_bytes()
