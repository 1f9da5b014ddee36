import pytest

import minitorch_cv as torch
from minitorch_cv import nn

X = torch.tensor([[[[0.0, 2.0]]]])


@pytest.mark.parametrize(
    ("layer", "expected", "text"),
    [
        (nn.Upsample(scale_factor=2), [[0, 0, 2, 2]] * 2, "Upsample(scale_factor=2.0, mode='nearest')"),
        (
            nn.Upsample((1, 4), mode="bilinear"),
            [[0, 0.5, 1.5, 2]],
            "Upsample(size=(1, 4), mode='bilinear')",
        ),
        (nn.Upsample((1, 3), None, "bilinear", True), [[0, 1, 2]], "Upsample(size=(1, 3), mode='bilinear')"),
        (
            # 2 · 1.5 = 3 pixels; with step 2/3 the centres lie at -1/6, 1/2 and 7/6
            nn.Upsample(scale_factor=(1, 1.5), mode="bilinear", recompute_scale_factor=True),
            [[0, 1, 2]],
            "Upsample(scale_factor=(1.0, 1.5), mode='bilinear')",
        ),
        (nn.UpsamplingNearest2d(2), [[0, 2]] * 2, "UpsamplingNearest2d(size=2, mode='nearest')"),
        (
            nn.UpsamplingBilinear2d(scale_factor=(1, 2.5)),
            [[0, 0.5, 1, 1.5, 2]],
            "UpsamplingBilinear2d(scale_factor=(1.0, 2.5), mode='bilinear')",
        ),
    ],
)
def test_layers(layer, expected, text):
    assert layer(X)[0, 0].tolist() == expected
    assert repr(layer) == text


def test_the_scale_is_recomputed_where_asked():
    x = torch.tensor([[[[0.0, 1.0, 2.0, 3.0]]]])
    first = {
        choice: nn.Upsample(None, (1, 0.8), "bilinear", recompute_scale_factor=choice)(x).flatten()[0].item()
        for choice in (None, True)
    }
    assert first == pytest.approx({None: 0.125, True: 1 / 6})
