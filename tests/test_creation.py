"""New tensors: from data, constants, steps, random; shapes given in every way; dtypes."""

import numpy as np
import pytest

import minitorch_cv as mt


def test_tensor_copies_and_chooses_the_dtype():
    array = np.array([1.0, 2.0])
    x = mt.tensor(array)
    x += 1
    assert array.tolist() == [1, 2]
    assert x.dtype == mt.float64
    assert mt.tensor([1.0, 2]).dtype == mt.tensor(1.0).dtype == mt.float32
    assert mt.tensor([1, 2]).dtype == mt.int64
    assert mt.tensor([True]).dtype == mt.bool
    assert mt.tensor([]).dtype == mt.float32
    assert mt.tensor([1, 2], dtype=mt.float64).dtype == mt.float64
    assert mt.tensor(np.float64(1)).dtype == mt.float64
    assert mt.tensor([1.0], requires_grad=True).requires_grad
    y = mt.ones(2, requires_grad=True) * 1
    assert (mt.tensor(y).is_leaf, mt.tensor(y).requires_grad) == (True, False)


def test_python_floats_reach_float64_in_full():
    assert mt.tensor([0.1], dtype=mt.float64).item() == 0.1
    assert mt.as_tensor(0.1, dtype=mt.float64).item() == 0.1
    assert mt.ones(1, dtype=mt.float64).new_tensor([0.1]).item() == 0.1


def test_tensor_from_lists_of_tensors_and_arrays():
    assert mt.tensor([mt.tensor(1.0), mt.tensor(2.0)]).tolist() == [1, 2]
    assert mt.tensor([mt.ones(2, requires_grad=True), mt.zeros(2)]).tolist() == [[1, 1], [0, 0]]
    assert mt.tensor([np.ones(2), np.zeros(2)]).shape == (2, 2)
    assert mt.tensor(((1, 2), [3, 4])).tolist() == [[1, 2], [3, 4]]
    assert mt.tensor(range(3)).tolist() == [0, 1, 2]


def test_as_tensor_shares_where_it_can():
    array = np.zeros(2, np.float32)
    mt.as_tensor(array).add_(1)
    assert array.tolist() == [1, 1]
    x = mt.ones(2)
    assert mt.as_tensor(x) is x
    assert mt.as_tensor(array, dtype=mt.float64).dtype == mt.float64
    assert mt.as_tensor([1, 2]).tolist() == [1, 2]


@pytest.mark.parametrize("make", [mt.zeros, mt.ones, mt.empty, mt.rand, mt.randn])
def test_shapes_as_numbers_tuple_or_size(make):
    shapes = [
        make(2, 3), make((2, 3)), make([2, 3]), make(size=(2, 3)), make(mt.tensor(2), 3), make(*mt.zeros(2, 3).shape)
    ]  # fmt: skip
    assert {x.shape for x in shapes} == {(2, 3)}
    assert make(()).shape == make().shape == ()
    assert make(0, 4).shape == (0, 4)
    assert make(2).dtype == mt.float32
    assert make(2, dtype=mt.float64, requires_grad=True).requires_grad
    with pytest.raises(RuntimeError, match=r"a shape cannot have negative sizes, got \(2, -1\)"):
        make(2, -1)


def test_constants():
    assert mt.zeros(2).tolist() == [0, 0]
    assert mt.ones(2, dtype=mt.bool).tolist() == [True, True]
    assert mt.full((2,), 7).tolist() == [7, 7]
    assert [mt.full((1,), value).dtype for value in (7, 7.0, True)] == [mt.int64, mt.float32, mt.bool]
    assert mt.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert mt.eye(2).dtype == mt.float32


def test_like():
    x = mt.zeros(2, 3, dtype=mt.float64)
    for y in (
        mt.zeros_like(x),
        mt.ones_like(x),
        mt.empty_like(x),
        mt.full_like(x, 3),
        mt.rand_like(x),
        mt.randn_like(x),
    ):
        assert (y.shape, y.dtype, y.data_ptr() == x.data_ptr()) == ((2, 3), mt.float64, False)
    assert mt.full_like(x, 3).tolist() == [[3] * 3] * 2
    assert mt.ones_like(x, dtype=mt.int32).dtype == mt.int32


def test_arange():
    assert mt.arange(3).tolist() == [0, 1, 2]
    assert mt.arange(1, 7, 2).tolist() == [1, 3, 5]
    assert mt.arange(3, 0, -1).tolist() == [3, 2, 1]
    assert (mt.arange(3).dtype, mt.arange(3.0).dtype, mt.arange(0, 1, 0.25).dtype) == (mt.int64, mt.float32, mt.float32)
    assert mt.arange(0, 1, 0.25).tolist() == [0, 0.25, 0.5, 0.75]
    assert len(mt.arange(0, 1, 0.1)) == 10
    assert mt.arange(12, dtype=mt.float32).reshape(3, 4).shape == (3, 4)
    assert mt.arange(0).shape == (0,)
    for start, end, step in ((0, 3, -1), (3, 0, 1), (0, 3, 0)):
        with pytest.raises(RuntimeError, match=f"arange: start {start}, end {end} and step {step} do not fit"):
            mt.arange(start, end, step)


def test_linspace_logspace_meshgrid():
    assert mt.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert mt.linspace(1, 2, 1).tolist() == [1]
    assert mt.logspace(0, 2, 3).tolist() == [1, 10, 100]
    assert mt.logspace(0, 2, 3, base=2.0).tolist() == [1, 2, 4]
    rows, columns = mt.meshgrid(mt.arange(2), mt.arange(3), indexing="ij")
    assert rows.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert columns.tolist() == [[0, 1, 2]] * 2
    assert mt.meshgrid([mt.arange(2), mt.arange(3)], indexing="xy")[0].shape == (3, 2)
    with pytest.raises(RuntimeError, match="meshgrid: indexing='rows'; choose 'ij'"):
        mt.meshgrid(mt.arange(2), indexing="rows")


def test_uniform_and_normal():
    mt.manual_seed(0)
    u = mt.rand(4000)
    assert 0 <= u.min().item() <= u.max().item() < 1
    assert abs(u.mean().item() - 0.5) < 0.03
    z = mt.randn(4000)
    assert abs(z.mean().item()) < 0.06
    assert abs(z.std().item() - 1) < 0.05
    y = mt.normal(5, 0.1, (4000,))
    assert abs(y.mean().item() - 5) < 0.01
    assert mt.normal(0, 1, size=(2, 3)).shape == (2, 3)
    assert mt.normal(mt.zeros(3), mt.ones(2, 1)).shape == (2, 3)


def test_randint_randperm_bernoulli():
    mt.manual_seed(0)
    x = mt.randint(2, 5, (500,))
    assert (set(x.tolist()), x.dtype) == ({2, 3, 4}, mt.int64)
    assert set(mt.randint(3, (100,)).tolist()) == {0, 1, 2}
    assert mt.randint(3, size=(2,)).shape == (2,)
    assert mt.randint(0, 3, (2,), dtype=mt.float32).dtype == mt.float32
    assert sorted(mt.randperm(50).tolist()) == list(range(50))
    chances = mt.tensor([0.0, 1.0]).expand(50, 2)
    assert mt.bernoulli(chances).tolist() == [[0, 1]] * 50
    with pytest.raises(TypeError, match=r"randint\(0, 3\): the size is missing"):
        mt.randint(3)


def test_only_the_cpu(without_cupy):
    assert mt.zeros(1, device="cpu").device == mt.device("cpu")
    with pytest.raises(RuntimeError, match=r"device 'cuda': .*use device='cpu'"):
        mt.zeros(1, device="cuda")


def test_what_is_made_beside_a_tensor_lies_where_it_lies(gpu):
    x = mt.full((2, 3), 0.5, device=gpu)
    made = [mt.rand_like(x), mt.randn_like(x), mt.zeros_like(x), mt.bernoulli(x), mt.normal(x, 1.0), x.new_zeros(2)]
    made += [mt.tensor(x), mt.as_tensor(x), *mt.meshgrid(x[0], x[0]), x.clone().uniform_(), x.clone().bernoulli_()]
    assert {str(y.device) for y in made} == {str(x.device)}
    mt.manual_seed(0)
    there = mt.bernoulli(x)
    mt.manual_seed(0)
    assert there.cpu().equal(mt.bernoulli(x.cpu()))


def test_copies_share_nothing(gpu):
    x = mt.ones(2, device=gpu)
    mt.tensor(x).zero_()
    assert x.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([np.float64(1.5)], "float64"),
        ([np.float32(1.5)], "float32"),
        ([np.float16(1.5)], "float16"),
        ([1.5], "float32"),
        ([np.float64(1.5), 2.0], "float64"),
        ([np.float32(1.5), 2.0], "float32"),
        ([np.float16(1.5), 2.0], "float32"),
        ([1, np.float32(2)], "float32"),
        ([np.int8(1), 2.5], "float32"),
        ([[1.0], [np.float64(2)]], "float64"),
        ((np.float64(1), (np.float32(2))), "float64"),
        ([np.array([1.0]), np.array([2.0])], "float64"),
        ([np.array([1.0], np.float32), [2.0]], "float32"),
        ([mt.tensor(1), mt.tensor(2.5)], "float32"),
        ([mt.tensor(1), mt.tensor(2.5, dtype=mt.float64)], "float64"),
        ([mt.tensor(1, dtype=mt.int8), mt.tensor(2)], "int64"),
        ([mt.tensor(True), mt.tensor(2, dtype=mt.int8)], "int8"),
        ([mt.tensor(1.5, dtype=mt.float16), 2], "float16"),
        ([mt.tensor([1, 2]), mt.tensor([0.5, 1])], "float32"),
        ([np.int8(1), np.int8(2)], "int8"),
        ([np.bool_(True)], "bool"),
        ([], "float32"),
        ([[], []], "float32"),
        (np.float64(1.5), "float64"),
    ],
)
def test_numbers_of_numpy_keep_their_type(data, dtype):
    x = mt.tensor(data)
    assert x.dtype == np.dtype(dtype)
    assert x.tolist() == np.asarray(data).tolist()


def test_the_default_type_is_that_of_python_numbers_alone():
    mt.set_default_dtype(mt.float64)
    try:
        assert mt.tensor([1.5]).dtype == mt.float64
        assert mt.tensor([np.float32(1.5)]).dtype == mt.float32
        assert mt.tensor([np.float32(1.5), 2.5]).dtype == mt.float64
    finally:
        mt.set_default_dtype(mt.float32)
