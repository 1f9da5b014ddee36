"""The output shapes that the book prints for its networks, layer by layer, as `summary` shows them."""

import os

import pytest

import minitorch_cv as torch
from minitorch_cv import models
from minitorch_cv.models.densenet import DenseBlock, transition_block
from minitorch_cv.summary import summary

COMPILED = not os.environ.get("NUMBA_DISABLE_JIT", "0").strip("0")

# network: input (C, H, W), and the shape, without the batch, of each layer or block by its path in the network
SHAPES = {
    "lenet": (
        (1, 28, 28),
        {
            "features.conv1": (6, 28, 28),
            "features.pool1": (6, 14, 14),
            "features.conv2": (16, 10, 10),
            "features.pool2": (16, 5, 5),
            "classifier.flatten": (400,),
            "classifier.fc1": (120,),
            "classifier.fc2": (84,),
            "classifier.fc3": (10,),
        },
    ),
    "bn_lenet": (
        (1, 28, 28),
        {
            "features.conv1": (6, 24, 24),
            "features.pool1": (6, 12, 12),
            "features.conv2": (16, 8, 8),
            "features.pool2": (16, 4, 4),
            "classifier.flatten": (256,),
            "classifier.fc1": (120,),
            "classifier.fc2": (84,),
            "classifier.fc3": (10,),
        },
    ),
    "alexnet": (
        (1, 224, 224),
        {
            "features.conv1": (96, 54, 54),
            "features.pool1": (96, 26, 26),
            "features.conv2": (256, 26, 26),
            "features.pool2": (256, 12, 12),
            "features.conv3": (384, 12, 12),
            "features.conv4": (384, 12, 12),
            "features.conv5": (256, 12, 12),
            "features.pool3": (256, 5, 5),
            "classifier.flatten": (6400,),
            "classifier.fc1": (4096,),
            "classifier.fc2": (4096,),
            "classifier.fc3": (10,),
        },
    ),
    "alexnet_paper": (
        (3, 224, 224),
        {
            "features.conv1": (96, 55, 55),
            "features.pool1": (96, 27, 27),
            "features.conv2": (256, 27, 27),
            "features.pool2": (256, 13, 13),
            "features.conv3": (384, 13, 13),
            "features.conv4": (384, 13, 13),
            "features.conv5": (256, 13, 13),
            "features.pool3": (256, 6, 6),
            "classifier.flatten": (9216,),
            "classifier.fc1": (4096,),
            "classifier.fc2": (4096,),
            "classifier.fc3": (1000,),
        },
    ),
    "vgg11": (
        (1, 224, 224),
        {
            "features.block1": (64, 112, 112),
            "features.block2": (128, 56, 56),
            "features.block3": (256, 28, 28),
            "features.block4": (512, 14, 14),
            "features.block5": (512, 7, 7),
            "classifier.flatten": (25088,),
            "classifier.fc1": (4096,),
            "classifier.fc2": (4096,),
            "classifier.fc3": (10,),
        },
    ),
    "nin": (
        (1, 224, 224),
        {
            "features.block1": (96, 54, 54),
            "features.pool1": (96, 26, 26),
            "features.block2": (256, 26, 26),
            "features.pool2": (256, 12, 12),
            "features.block3": (384, 12, 12),
            "features.pool3": (384, 5, 5),
            "classifier.block4": (10, 5, 5),
            "classifier.pool4": (10, 1, 1),
            "classifier.flatten": (10,),
        },
    ),
    "googlenet": (
        (1, 96, 96),
        {
            "features.b1": (64, 24, 24),
            "features.b2": (192, 12, 12),
            "features.b3.0": (256, 12, 12),
            "features.b3.1": (480, 12, 12),
            "features.b3": (480, 6, 6),
            "features.b4.0": (512, 6, 6),
            "features.b4.3": (528, 6, 6),
            "features.b4": (832, 3, 3),
            "features.b5.0": (832, 3, 3),
            "features.b5": (1024,),
            "classifier": (10,),
        },
    ),
    "resnet18": (
        (1, 224, 224),
        {
            "maxpool": (64, 56, 56),
            "layer1": (64, 56, 56),
            "layer2": (128, 28, 28),
            "layer3": (256, 14, 14),
            "layer4": (512, 7, 7),
            "avgpool": (512, 1, 1),
            "fc": (10,),
        },
    ),
    "densenet": (
        (1, 96, 96),
        {
            "features.pool0": (64, 24, 24),
            "features.denseblock1": (192, 24, 24),
            "features.transition1": (96, 12, 12),
            "features.denseblock2": (224, 12, 12),
            "features.transition2": (112, 6, 6),
            "features.denseblock3": (240, 6, 6),
            "features.transition3": (120, 3, 3),
            "features.denseblock4": (248, 3, 3),
            "classifier": (10,),
        },
    ),
}


def shapes_by_path(net, input_size):
    """The output shape of each module that was called, by its path in the network."""
    path, shapes = [], {}
    for row in summary(net, input_size, verbose=0).rows[1:]:
        path = [*path[: row.depth - 1], row.name]
        shapes[".".join(path)] = tuple(row.output_shape)
    return shapes


@pytest.mark.skipif(not COMPILED, reason="224x224 pixels take minutes in plain Python")
@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name):
    image, expected = SHAPES[name]
    shapes = shapes_by_path(models.find(name)(), (1, *image))
    assert {path: shapes[path] for path in expected} == {path: (1, *shape) for path, shape in expected.items()}


def test_the_parts_of_a_densenet():
    with torch.use("reference"):
        assert DenseBlock(2, 3, 10)(torch.zeros(4, 3, 8, 8)).shape == (4, 23, 8, 8)
        assert transition_block(23, 10)(torch.zeros(4, 23, 8, 8)).shape == (4, 10, 4, 4)


def test_parameters_and_multiply_adds_of_lenet():
    with torch.use("reference"):
        result = summary(models.lenet(), (1, 1, 28, 28), verbose=0)
    assert (result.parameters, result.multiply_adds) == (61_706, 416_520)


# the figures that torchvision's documentation gives
PARAMETERS = {
    "alexnet": 61_100_840,
    "densenet121": 7_978_856,
    "densenet169": 14_149_480,
    "densenet201": 20_013_928,
    "efficientnet_b0": 5_288_548,
    "mobilenet_v2": 3_504_872,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnext50_32x4d": 25_028_904,
    "shufflenet_v2_x1_0": 2_278_604,
    "squeezenet1_0": 1_248_424,
    "squeezenet1_1": 1_235_496,
    "vgg11": 132_863_336,
    "vgg16": 138_357_544,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_torchvisions_numbers_of_parameters(name):
    net = models.find(f"torchvision.{name}")()
    assert sum(parameter.numel() for parameter in net.parameters()) == PARAMETERS[name]


def test_googlenet_counts_its_auxiliary_classifiers_apart():
    """13,004,888 with them, as torchvision builds it; 6,624,904 in the published weights, which leave them out."""
    for aux_logits, parameters in ((True, 13_004_888), (False, 6_624_904)):
        net = models.torchvision.googlenet(aux_logits=aux_logits)
        assert sum(parameter.numel() for parameter in net.parameters()) == parameters
