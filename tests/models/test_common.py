import pytest

from minitorch_cv import nn
from minitorch_cv.models.common import check_sizes, map_side


def test_map_side_follows_nested_convolutions_and_pools():
    features = nn.Sequential(
        nn.Conv2d(1, 2, 5, stride=2, padding=1),  # 20 -> 9
        nn.ReLU(),
        nn.Sequential(nn.MaxPool2d(3, stride=2), nn.BatchNorm2d(2)),  # -> 4
        nn.MaxPool2d(2, padding=1),  # -> 3
    )
    assert map_side("Net", features, 20) == 3
    assert map_side("Net", features, 21) == 3
    assert map_side("Net", features, 22) == 3
    assert map_side("Net", features, 23) == 3


def test_an_image_that_leaves_no_pixel_is_refused_with_the_smallest_that_does():
    features = nn.Sequential(nn.Conv2d(1, 2, 5), nn.MaxPool2d(2), nn.MaxPool2d(2))
    assert map_side("Net", features, 8) == 1
    with pytest.raises(ValueError, match="image_size=7 leaves") as error:
        map_side("Net", features, 7)
    assert str(error.value) == ("Net: image_size=7 leaves no pixel after its convolutions and pools; choose 8 or more")


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((0, 10), "Net: in_channels=0; choose 1 or more"), ((1, -2), "Net: num_classes=-2; choose 1 or more")],
)
def test_no_channels_and_no_classes_are_refused(sizes, message):
    check_sizes("Net", 1, 1)
    with pytest.raises(ValueError, match=message):
        check_sizes("Net", *sizes)
