import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def test_rows_are_read_and_learned():
    layer = nn.Embedding(5, 3)
    y = layer(torch.tensor([[4, 0], [4, 1]]))
    np.testing.assert_array_equal(y.detach().numpy(), layer.weight.detach().numpy()[[[4, 0], [4, 1]]])
    y.sum().backward()
    assert layer.weight.grad[:, 0].tolist() == [1, 1, 0, 0, 2]
    assert list(layer.state_dict()) == ["weight"]
    assert repr(layer) == "Embedding(5, 3)"


def test_the_table_is_drawn_from_the_standard_normal_distribution():
    torch.manual_seed(0)
    weight = nn.Embedding(100, 200).weight.detach().numpy()
    assert abs(weight.mean()) < 0.02
    assert abs(weight.std() - 1) < 0.02


@pytest.mark.parametrize("padding_idx", [1, -3])
def test_the_padding_row_is_zero_and_stays_so(padding_idx):
    layer = nn.Embedding(4, 2, padding_idx)
    assert layer.weight[1].tolist() == [0, 0]
    assert (layer.weight != 0).sum().item() == 6
    layer(torch.tensor([0, 1])).sum().backward()
    assert layer.weight.grad.tolist() == [[1, 1], [0, 0], [0, 0], [0, 0]]
    assert repr(layer) == "Embedding(4, 2, padding_idx=1)"


def test_from_pretrained_shares_the_table_and_does_not_learn():
    table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    layer = nn.Embedding.from_pretrained(table)
    assert layer(torch.tensor([1])).tolist() == [[3, 4]]
    assert not layer.weight.requires_grad
    table[1] = 7
    assert layer(torch.tensor([1])).tolist() == [[7, 7]]
    free = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
    assert free.weight.requires_grad
    assert free.padding_idx == 0
    assert free.weight[0].tolist() == [1, 2]


def test_refusals():
    with pytest.raises(ValueError, match="Embedding: padding_idx=3 is no row of a table of 3"):
        nn.Embedding(3, 2, 3)
    with pytest.raises(ValueError, match=r"_weight has shape \(2, 2\) but must have shape \(3, 2\)"):
        nn.Embedding(3, 2, _weight=torch.ones(2, 2))
    with pytest.raises(ValueError, match=r"embeddings have shape \(3,\) but must be a matrix \(V, D\)"):
        nn.Embedding.from_pretrained(torch.ones(3))
    for options in ({"max_norm": 1.0}, {"scale_grad_by_freq": True}, {"sparse": True}):
        with pytest.raises(NotImplementedError, match="none of these is offered; leave them out"):
            nn.Embedding(3, 2, **options)
