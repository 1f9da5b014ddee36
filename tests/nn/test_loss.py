import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn

X = np.array([[0.5, -1.0, 2.0], [0.0, 1.0, -2.0]])
T = np.array([[0.2, 0.9, 0.4], [0.7, 0.1, 1.0]])
Y = np.array([2, 0])
W = np.array([1.0, 2.0, 3.0])
LOG_P = X - np.log(np.exp(X).sum(1, keepdims=True))
P = 1 / (1 + np.exp(-X))
D = np.abs(X - T)
EACH = np.arange(2)
BCE = -T * np.log(P) - (1 - T) * np.log(1 - P)

w = torch.tensor(W)
CASES = {
    "MSELoss": (nn.MSELoss(), X, T, (D**2).mean()),
    "MSELoss sum": (nn.MSELoss(reduction="sum"), X, T, (D**2).sum()),
    "MSELoss by old flags": (nn.MSELoss(None, False), X, T, D**2),
    "L1Loss": (nn.L1Loss(), X, T, D.mean()),
    "SmoothL1Loss": (nn.SmoothL1Loss(beta=0.6), X, T, np.where(D < 0.6, D**2 / 1.2, D - 0.3).mean()),
    "HuberLoss": (nn.HuberLoss("none", 0.6), X, T, np.where(D < 0.6, D**2 / 2, 0.6 * (D - 0.3))),
    "CrossEntropyLoss": (nn.CrossEntropyLoss(), X, Y, -LOG_P[EACH, Y].mean()),
    "CrossEntropyLoss none": (nn.CrossEntropyLoss(reduction="none"), X, Y, -LOG_P[EACH, Y]),
    "CrossEntropyLoss weight": (nn.CrossEntropyLoss(w), X, Y, -(W[Y] * LOG_P[EACH, Y]).sum() / W[Y].sum()),
    "CrossEntropyLoss ignore": (nn.CrossEntropyLoss(ignore_index=2), X, Y, -LOG_P[1, 0]),
    "CrossEntropyLoss smooth": (
        nn.CrossEntropyLoss(label_smoothing=0.3),
        X,
        Y,
        -(0.7 * LOG_P[EACH, Y] + 0.1 * LOG_P.sum(1)).mean(),
    ),
    "CrossEntropyLoss soft": (nn.CrossEntropyLoss(), X, T, -(T * LOG_P).sum(1).mean()),
    "NLLLoss": (nn.NLLLoss(w, ignore_index=0), X, Y, -X[0, 2]),
    "NLLLoss sum": (nn.NLLLoss(w, reduction="sum"), X, Y, -(W[Y] * X[EACH, Y]).sum()),
    "BCELoss": (nn.BCELoss(w), P, T, (W * BCE).mean()),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss(w), X, T, (W * BCE).mean()),
    "BCEWithLogitsLoss pos_weight": (
        nn.BCEWithLogitsLoss(reduction="none", pos_weight=w),
        X,
        T,
        -W * T * np.log(P) - (1 - T) * np.log(1 - P),
    ),
    "KLDivLoss": (nn.KLDivLoss(), X, T, (T * (np.log(T) - X)).mean()),
    "KLDivLoss batchmean": (nn.KLDivLoss(reduction="batchmean"), X, T, (T * (np.log(T) - X)).sum() / 2),
    "KLDivLoss log_target": (nn.KLDivLoss(log_target=True), X, T, (np.exp(T) * (T - X)).mean()),
}


@pytest.mark.parametrize("case", CASES)
def test_values(case):
    loss, x, target, expected = CASES[case]
    actual = loss(torch.tensor(x), torch.tensor(target)).numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-10)


def test_weights_belong_to_the_state():
    assert list(nn.CrossEntropyLoss(w).state_dict()) == ["weight"]
    assert list(nn.CrossEntropyLoss().state_dict()) == []
    assert list(nn.BCEWithLogitsLoss(w, pos_weight=w).state_dict()) == ["weight", "pos_weight"]
    assert nn.CrossEntropyLoss(w).float().weight.dtype == torch.float32
    assert repr(nn.CrossEntropyLoss(w)) == "CrossEntropyLoss()"


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.CrossEntropyLoss, nn.HuberLoss, nn.KLDivLoss])
def test_an_unknown_reduction_is_named_at_once(loss):
    with pytest.raises(ValueError, match=f"{loss.__name__}: reduction='avg'; choose"):
        loss(reduction="avg")
