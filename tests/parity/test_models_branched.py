"""GoogLeNet, SqueezeNet, MobileNet, ShuffleNet and EfficientNet beside PyTorch: five steps, and torchvision's names."""

import pytest

import minitorch_cv as mt
from minitorch_cv import models
from minitorch_cv.models import torchvision as ours

from .compare import torch, values
from .five_steps import assert_same_keys, by_order, cross_entropy, five_steps
from .vision import torchvision

pytestmark = pytest.mark.parity
nn = torch.nn
theirs = torchvision.models


def drawn(net):
    """The network, with batch norms that scale and shift by random numbers.

    A shift that a later batch norm takes away again has gradient 0: from 0 it would stay at rounding errors.
    """
    for module in net.modules():
        if isinstance(module, mt.nn.BatchNorm2d):
            mt.nn.init.uniform_(module.weight, 0.5, 1.5)
            mt.nn.init.uniform_(module.bias, -0.5, 0.5)
    return net


def agree(mine, reference, shape, classes, **options):
    """Five steps: in batches this large, with steps this small, batch norm does not blow rounding errors up."""
    five_steps(drawn(mine), reference, shape, classes, batch=8, lr=1e-3, **options)


def book_conv(in_channels, out_channels, norm, **options):
    """The book's convolution with ReLU; with norm as Ioffe and Szegedy put batch norm between them."""
    if norm:
        return [nn.Conv2d(in_channels, out_channels, bias=False, **options), nn.BatchNorm2d(out_channels), nn.ReLU()]
    return [nn.Conv2d(in_channels, out_channels, **options), nn.ReLU()]


class BookInception(nn.Module):
    def __init__(self, in_channels, c1, c2, c3, c4, norm):
        super().__init__()
        self.p1 = nn.Sequential(*book_conv(in_channels, c1, norm, kernel_size=1))
        self.p2 = nn.Sequential(
            *book_conv(in_channels, c2[0], norm, kernel_size=1),
            *book_conv(c2[0], c2[1], norm, kernel_size=3, padding=1),
        )
        self.p3 = nn.Sequential(
            *book_conv(in_channels, c3[0], norm, kernel_size=1),
            *book_conv(c3[0], c3[1], norm, kernel_size=5, padding=2),
        )
        self.p4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1), *book_conv(in_channels, c4, norm, kernel_size=1)
        )

    def forward(self, x):
        return torch.cat((self.p1(x), self.p2(x), self.p3(x), self.p4(x)), dim=1)


def book_googlenet(in_channels, num_classes, norm):
    def pool():
        return nn.MaxPool2d(kernel_size=3, stride=2, padding=1)

    return nn.Sequential(
        *book_conv(in_channels, 64, norm, kernel_size=7, stride=2, padding=3),
        pool(),
        *book_conv(64, 64, norm, kernel_size=1),
        *book_conv(64, 192, norm, kernel_size=3, padding=1),
        pool(),
        BookInception(192, 64, (96, 128), (16, 32), 32, norm),
        BookInception(256, 128, (128, 192), (32, 96), 64, norm),
        pool(),
        BookInception(480, 192, (96, 208), (16, 48), 64, norm),
        BookInception(512, 160, (112, 224), (24, 64), 64, norm),
        BookInception(512, 128, (128, 256), (24, 64), 64, norm),
        BookInception(512, 112, (144, 288), (32, 64), 64, norm),
        BookInception(528, 256, (160, 320), (32, 128), 128, norm),
        pool(),
        BookInception(832, 256, (160, 320), (32, 128), 128, norm),
        BookInception(832, 384, (192, 384), (48, 128), 128, norm),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(1024, num_classes),
    )


@pytest.mark.parametrize(("build", "norm"), [(models.googlenet, False), (models.googlenet_bn, True)])
def test_five_steps_of_the_books_googlenet(build, norm):
    mt.manual_seed(0)
    mine, rebuilt = build(), book_googlenet(1, 10, norm)
    agree(mine, rebuilt, (1, 24, 24), 10, names=by_order(mine, rebuilt))


def paper_mobilenet_v1(in_channels, num_classes, width):
    def block(i, o, stride):
        return [
            nn.Conv2d(i, i, 3, stride=stride, padding=1, groups=i, bias=False), nn.BatchNorm2d(i), nn.ReLU(),
            nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
        ]  # fmt: skip

    w = {n: int(n * width) for n in (32, 64, 128, 256, 512, 1024)}
    return nn.Sequential(
        nn.Conv2d(in_channels, w[32], 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(w[32]), nn.ReLU(),
        *block(w[32], w[64], 1),
        *block(w[64], w[128], 2), *block(w[128], w[128], 1),
        *block(w[128], w[256], 2), *block(w[256], w[256], 1),
        *block(w[256], w[512], 2), *(layer for _ in range(5) for layer in block(w[512], w[512], 1)),
        *block(w[512], w[1024], 2), *block(w[1024], w[1024], 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(w[1024], num_classes),
    )  # fmt: skip


def test_five_steps_of_mobilenet_v1():
    mt.manual_seed(0)
    mine, rebuilt = models.mobilenet_v1(width_mult=0.25), paper_mobilenet_v1(1, 10, 0.25)
    agree(mine, rebuilt, (1, 33, 33), 10, names=by_order(mine, rebuilt))


def test_mobilenet_v1_has_the_papers_tensors():
    by_order(models.mobilenet_v1(3, 1000), paper_mobilenet_v1(3, 1000, 1.0))


def googlenet_loss(t, outputs, labels):
    """Three classifiers in training, the auxiliary ones weighted as the paper has them."""
    logits, aux2, aux1 = outputs
    return cross_entropy(t, logits, labels) + 0.3 * (cross_entropy(t, aux1, labels) + cross_entropy(t, aux2, labels))


@pytest.mark.parametrize("transform_input", [False, True])
def test_five_steps_of_googlenet(transform_input):
    mt.manual_seed(0)
    mine = ours.googlenet(7, transform_input=transform_input)
    reference = theirs.googlenet(num_classes=7, transform_input=transform_input, init_weights=False)
    agree(mine, reference, (3, 33, 33), 7, loss=googlenet_loss)


def test_five_steps_of_googlenet_without_auxiliary_classifiers():
    mt.manual_seed(0)
    mine = ours.googlenet(7, aux_logits=False)
    reference = theirs.googlenet(num_classes=7, aux_logits=False, init_weights=False)
    agree(mine, reference, (3, 15, 15), 7)


FORMS = {
    "squeezenet1_0": (ours.squeezenet1_0, theirs.squeezenet1_0, 21),
    "squeezenet1_1": (ours.squeezenet1_1, theirs.squeezenet1_1, 17),
    "mobilenet_v2": (ours.mobilenet_v2, theirs.mobilenet_v2, 33),
    "shufflenet_v2_x0_5": (ours.shufflenet_v2_x0_5, theirs.shufflenet_v2_x0_5, 33),
    "efficientnet_b0": (ours.efficientnet_b0, theirs.efficientnet_b0, 33),
}


@pytest.mark.parametrize("name", FORMS)
def test_five_steps(name):
    mt.manual_seed(0)
    build, reference, size = FORMS[name]
    agree(build(7), reference(num_classes=7), (3, size, size), 7)


def for_one_channel(net, first):
    """torchvision's network with another first convolution."""
    conv = net.get_submodule(first)
    conv.weight = nn.Parameter(conv.weight.detach()[:, :1].contiguous())
    return net


def test_five_steps_of_squeezenet_for_one_channel():
    mt.manual_seed(0)
    reference = for_one_channel(theirs.squeezenet1_1(num_classes=10), "features.0")
    reference.classifier[2] = nn.Identity()  # for its last ReLU, which this form leaves out
    agree(models.squeezenet(), reference, (1, 17, 17), 10)


def test_five_steps_of_shufflenet_for_one_channel():
    mt.manual_seed(0)
    reference = for_one_channel(theirs.shufflenet_v2_x1_0(num_classes=10), "conv1.0")
    agree(models.shufflenet_v2(), reference, (1, 33, 33), 10)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0"])
def test_names_for_one_channel(name):
    """The five steps of these are those of torchvision's form: the class is the same, nothing else is left out."""
    reference = for_one_channel(getattr(theirs, name)(num_classes=10), "features.0.0")
    assert_same_keys(getattr(models, name)(), reference)


@pytest.mark.parametrize(
    "name",
    [
        "googlenet", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0",
        "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "efficientnet_b0",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:The default weight initialization of GoogleNet")
def test_names_shapes_and_dtypes(name):
    options = {"init_weights": False} if name == "googlenet" else {}
    assert_same_keys(getattr(ours, name)(), getattr(theirs, name)(**options))


@pytest.mark.parametrize("width_mult", [0.35, 0.75, 1.4])
def test_widths_of_mobilenet_v2(width_mult):
    assert_same_keys(ours.mobilenet_v2(10, 3, width_mult), theirs.mobilenet_v2(num_classes=10, width_mult=width_mult))


@pytest.mark.parametrize("name", ["googlenet", *FORMS])
def test_weights_start_with_the_same_spread(name):
    """Mean, deviation and largest value of every large weight, and what starts constant."""
    options = {"init_weights": True, "num_classes": 50} if name == "googlenet" else {"num_classes": 50}
    torch.manual_seed(0)
    mt.manual_seed(0)
    reference = getattr(theirs, name)(**options).state_dict()
    for key, tensor in getattr(ours, name)(50).state_dict().items():
        mine, yours = values(tensor), values(reference[key])
        if yours.size and yours.min() == yours.max():
            assert (mine == yours).all(), key
        elif yours.size >= 4000:
            assert mine.std() == pytest.approx(yours.std(), rel=0.1), key
            assert abs(mine).max() == pytest.approx(abs(yours).max(), rel=0.3), key
            assert abs(mine.mean()) < 0.1 * mine.std(), key


def test_stochastic_depth_and_dropout_are_torchvisions():
    probabilities = [
        [module.p for module in net.modules() if type(module).__name__ in ("StochasticDepth", "Dropout")]
        for net in (ours.efficientnet_b0(10), theirs.efficientnet_b0(num_classes=10))
    ]
    assert probabilities[0] == probabilities[1]
