"""What a tensor is besides its operations: values for Python, text, copies, conversion."""

import copy
import io
import pickle

import numpy as np
import pytest

import minitorch_cv as mt


def test_facts():
    x = mt.zeros(2, 3, dtype=mt.float64)
    assert (x.shape, x.ndim, x.dim(), x.numel(), len(x)) == ((2, 3), 2, 2, 6, 2)
    assert (x.size(), x.size(0), x.size(-1)) == ((2, 3), 2, 3)
    assert (x.dtype, x.element_size(), x.is_floating_point()) == (mt.float64, 8, True)
    assert (x.stride(), x.T.stride(), x.stride(0)) == ((3, 1), (1, 3), 3)
    assert (x.is_contiguous(), x.T.is_contiguous()) == (True, False)
    assert x.device == "cpu"
    assert not mt.zeros(1, dtype=mt.int32).is_floating_point()
    assert mt.is_tensor(x)
    assert not mt.is_tensor(np.zeros(1))


def test_one_element_as_python_values():
    assert mt.tensor(2.5).item() == 2.5
    assert mt.tensor([[3]]).item() == 3
    assert isinstance(mt.tensor([3]).item(), int)
    assert (int(mt.tensor(2.9)), float(mt.tensor(2))) == (2, 2.0)
    assert mt.tensor([1.5], requires_grad=True).item() == 1.5
    assert [10, 20, 30][mt.tensor(1)] == 20
    assert list(range(mt.tensor([3]))) == [0, 1, 2]


def test_one_element_as_a_truth():
    assert mt.tensor([1.0])
    assert not mt.tensor(0)
    assert mt.tensor(2.0, requires_grad=True) > 1
    with pytest.raises(RuntimeError, match=r"the truth of a tensor of shape \(2,\) is ambiguous; use \.any\(\)"):
        bool(mt.ones(2))


def test_f_strings():
    assert f"{mt.tensor(3.14159):.2f}" == "3.14"
    assert f"{mt.tensor(7):d}" == "7"
    assert f"{mt.tensor(1.5, requires_grad=True) * 2:.1f}" == "3.0"
    assert f"{mt.tensor([1.0])}" == "tensor([1.], shape=(1,))"


def test_values_that_are_not_there():
    with pytest.raises(RuntimeError, match=r"item: a tensor of shape \(2,\) has 2 elements, not one; use tolist\(\)"):
        mt.ones(2).item()
    with pytest.raises(TypeError, match=r"only integer tensors can be used as an index, got float32"):
        [1, 2][mt.tensor(1.0)]
    with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
        len(mt.tensor(1))
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(mt.tensor(1))


def test_iteration_and_membership():
    x = mt.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * second).sum().backward()
    assert x.grad.tolist() == [[3, 4], [1, 2]]
    assert 3 in x
    assert mt.tensor(5.0) not in x


def test_tensors_are_hashable_by_identity():
    x, y = mt.ones(2), mt.ones(2)
    assert len({x, y, x}) == 2


TEXTS = [
    (lambda: mt.tensor(1.5), "tensor(1.5)"),
    (lambda: mt.tensor([1, 2]), "tensor([1, 2], shape=(2,))"),
    (lambda: mt.tensor([True, False]), "tensor([ True, False], shape=(2,))"),
    (lambda: mt.tensor([1.0, 2.5], requires_grad=True), "tensor([1. , 2.5], shape=(2,), requires_grad=True)"),
    (
        lambda: mt.ones(2, 2, dtype=mt.float64) * mt.ones(1, dtype=mt.float64, requires_grad=True),
        "tensor([[1., 1.],\n        [1., 1.]], shape=(2, 2), dtype=float64, grad_fn=<mul>)",
    ),
    (lambda: mt.zeros(0, 3), "tensor([], shape=(0, 3))"),
    (lambda: mt.tensor([3], dtype=mt.uint8), "tensor([3], shape=(1,), dtype=uint8)"),
    (lambda: mt.tensor([np.nan, np.inf]), "tensor([nan, inf], shape=(2,))"),
    (lambda: mt.arange(2000), "tensor([   0,    1,    2, ..., 1997, 1998, 1999], shape=(2000,))"),
]


@pytest.mark.parametrize(("make", "text"), TEXTS, ids=[text[:30] for _, text in TEXTS])
def test_repr(make, text):
    assert repr(make()) == str(make()) == text


def test_repr_leaves_numpys_settings_alone():
    before = np.get_printoptions()
    repr(mt.randn(3, 3))
    assert np.get_printoptions() == before


def test_deepcopy():
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    (x * 3).sum().backward()
    y = copy.deepcopy(x)
    y.data[:] = 0
    y.grad[:] = 0
    assert x.tolist() == [1, 2]
    assert x.grad.tolist() == [3, 3]
    assert y.requires_grad
    a, b = copy.deepcopy([x, x])
    assert a is b
    with pytest.raises(RuntimeError, match=r"deepcopy: only leaf tensors can be copied, this one was made by mul"):
        copy.deepcopy(x * 2)


def test_pickle():
    x = mt.tensor([[1.0], [2.0]], dtype=mt.float64, requires_grad=True)
    y = pickle.load(io.BytesIO(pickle.dumps(x)))
    assert mt.equal(x, y)
    assert (y.dtype, y.requires_grad, y.is_leaf) == (mt.float64, True, True)
    with pytest.raises(RuntimeError, match="pickle: only leaf tensors can be stored, this one was made by mul"):
        pickle.dumps(x * 2)


def test_conversion():
    x = mt.tensor([1.7, -2.3], requires_grad=True)
    assert x.to(mt.float32) is x
    assert x.float() is x
    assert x.cpu() is x
    assert x.to("cpu") is x
    assert x.to(mt.float32, copy=True) is not x
    assert [getattr(x, name)().dtype for name in ("double", "half", "int", "long", "bool")] == [
        mt.float64, mt.float16, mt.int32, mt.int64, mt.bool,
    ]  # fmt: skip
    assert x.long().tolist() == [1, -2]
    assert x.to(mt.zeros(1, dtype=mt.float64)).dtype == mt.float64
    assert x.to("cpu", mt.float64).dtype == x.to(device="cpu", dtype=mt.float64).dtype == mt.float64
    assert x.type(mt.int64).dtype == mt.int64
    assert x.type_as(mt.ones(1).double()).dtype == mt.float64
    x.double().sum().backward()
    assert x.grad.tolist() == [1, 1]
    assert x.grad.dtype == mt.float32
    assert not x.long().requires_grad


def test_new_tensors_in_the_same_dtype():
    x = mt.ones(2, dtype=mt.float64)
    made = (x.new_zeros(3), x.new_ones((2, 2)), x.new_full((2,), 3), x.new_empty(1), x.new_tensor([1]))
    assert {y.dtype for y in made} == {mt.float64}
    assert made[2].tolist() == [3, 3]


def test_shapes_of_other_tensors():
    x, y = mt.arange(6), mt.zeros(2, 3)
    assert x.view_as(y).shape == x.reshape_as(y).shape == (2, 3)
    assert mt.ones(3).expand_as(y).shape == (2, 3)


def test_tensor_class_shares_and_keeps_the_dtype():
    array = np.zeros(2)
    x = mt.Tensor(array)
    x += 1
    assert array.tolist() == [1, 1]
    assert x.dtype == mt.float64


def test_data_is_the_memory_without_history():
    x = mt.ones(2, requires_grad=True)
    assert not x.data.requires_grad
    x.data = mt.tensor([5.0, 6.0])
    (x * x).sum().backward()
    assert x.grad.tolist() == [10, 12]


def test_every_method_is_the_function_of_that_name():
    from minitorch_cv.ops import methods

    for module, names in methods.METHODS.items():
        for name in names.split():
            assert getattr(mt.Tensor, name) is getattr(module, name)
            assert getattr(module, name).__doc__, name
