"""Every network of the book and of its readers, checked from the images to the loss."""

import pytest

from minitorch_cv import models
from minitorch_cv.gradcheck.networks import NETWORKS, SMALL


@pytest.mark.networks
@pytest.mark.parametrize("case", NETWORKS, ids=lambda case: case.name)
def test_network(case):
    report = case.check()
    assert report, str(report)
    _, inputs, names = case.seeded()
    assert report.checked + report.kinks == sum(min(case.sample, tensor.numel()) for tensor in inputs)
    assert report.checked > 0.8 * (report.checked + report.kinks)
    assert len(inputs) == len(names) > 1


def test_no_network_is_left_out():
    checked = {simplified(case.function) for case in [*SMALL, *NETWORKS]}
    missing = {name for name in models.BOOK if simplified(name) not in checked and alias(name) not in checked}
    assert missing == set()


def simplified(name):
    """Small letters and digits only: "ResNet-18 v2" -> "resnet18v2"."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def alias(name):
    """What the table calls a network whose name differs there."""
    name = simplified(name)
    if name.startswith("preactresnet"):
        return name.removeprefix("preact") + "v2"
    return {"alexnetpaper": "alexnet", "googlenetbn": "googlenet"}.get(name, name)
