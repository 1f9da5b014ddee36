"""minitorch_cv.cuda: on no GPU, and on a stand-in for CuPy."""

import pytest

import minitorch_cv as mt

from . import fake_cupy


def test_without_cupy_there_is_nothing_and_the_name_says_why(without_cupy):
    assert not mt.cuda.is_available()
    assert mt.cuda.device_count() == mt.cuda.memory_allocated() == mt.cuda.max_memory_allocated() == 0
    mt.cuda.synchronize()
    mt.cuda.reset_peak_memory_stats()
    mt.cuda.empty_cache()
    with pytest.raises(RuntimeError, match=r"device 'cuda': CuPy, .* is not installed: pip install"):
        mt.cuda.get_device_name()


def test_names_and_waiting(monkeypatch):
    cupy = fake_cupy.installed(monkeypatch)
    assert mt.cuda.is_available()
    assert mt.cuda.device_count() == 2
    names = [mt.cuda.get_device_name(place) for place in (None, 1, "cuda:1", mt.device("cuda", 0))]
    assert names == ["GPU 0", "GPU 1", "GPU 1", "GPU 0"]
    mt.cuda.synchronize()
    mt.cuda.empty_cache()
    assert cupy.calls == ["synchronized", "freed"]
    with pytest.raises(ValueError, match=r"a GPU is asked for, 'cuda' or 'cuda:0', not 'cpu'"):
        mt.cuda.synchronize("cpu")


def test_memory_and_its_peak(monkeypatch):
    monkeypatch.setattr(mt.cuda, "_peaks", {})
    cupy = fake_cupy.installed(monkeypatch)

    def use(size):
        cupy.pool.used = size
        for hook in fake_cupy.MemoryHook.hooks:
            hook.malloc_postprocess(device_id=0, size=1, mem_size=512, mem_ptr=0, pmem_id=0)

    assert mt.cuda.memory_allocated() == mt.cuda.max_memory_allocated() == 100
    use(900)
    use(300)
    assert (mt.cuda.memory_allocated(), mt.cuda.max_memory_allocated()) == (300, 900)
    mt.cuda.reset_peak_memory_stats()
    assert mt.cuda.max_memory_allocated() == 300
    assert len(fake_cupy.MemoryHook.hooks) == 1


def test_a_gpu_that_is_not_there(monkeypatch):
    fake_cupy.installed(monkeypatch, gpus=2)
    for call in (lambda: mt.cuda.synchronize(2), lambda: mt.ones(1).to("cuda:2"), lambda: mt.cuda.get_rng_state(7)):
        with pytest.raises(RuntimeError, match=r"device 'cuda:[27]': there are 2 GPUs here, 'cuda:0' to 'cuda:1'"):
            call()
    fake_cupy.installed(monkeypatch, gpus=0)
    with pytest.raises(RuntimeError, match="device 'cuda': there is no GPU; use device='cpu', or 'cuda-sim'"):
        mt.ones(1).cuda()


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (0, "; CuPy is built for CUDA 13.0, there is no driver)"),
        (12040, "the driver runs up to CUDA 12.4: update the driver, or pip install 'minitorch-cv[cuda12]')"),
    ],
)
def test_cupy_for_another_cuda_version(monkeypatch, driver, words):
    failure = RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version")
    fake_cupy.installed(monkeypatch, gpus=failure, driver=driver, built=13000)
    assert not mt.cuda.is_available()
    with pytest.raises(RuntimeError) as raised:
        mt.ones(1).cuda()
    assert "CuPy cannot use the GPU (RuntimeError: cudaErrorInsufficientDriver" in str(raised.value)
    assert words in str(raised.value)
