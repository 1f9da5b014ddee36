import pytest

from minitorch_cv import models, nn


def test_build_passes_the_options_on():
    net = models.build("lenet", {"num_classes": 3, "activation": "relu"})
    assert isinstance(net, models.LeNet)
    assert net.classifier.fc3.out_features == 3
    assert isinstance(net.features.act1, nn.ReLU)
    assert models.find("lenet") is models.lenet


CHOICES = f"choose one of: {', '.join(models.BOOK)}, or torchvision.NAME for torchvision's forms"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: models.build("lenett"),
            f"unknown model 'lenett'; {CHOICES} (did you mean 'lenet'?)",
        ),
        (
            lambda: models.find("xyz"),
            f"unknown model 'xyz'; {CHOICES}",
        ),
        (
            lambda: models.build("lenet", {"activaton": "relu"}),
            "lenet has no option 'activaton'; choose among: in_channels, num_classes, activation "
            "(did you mean 'activation'?)",
        ),
    ],
)
def test_an_unknown_name_is_named_with_the_choices(build, message):
    with pytest.raises(ValueError, match="lenet") as error:
        build()
    assert str(error.value) == message
