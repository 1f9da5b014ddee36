"""The networks in torchvision's form, under torchvision's function names: `torchvision.resnet50(num_classes=1000)`.

Parameters and buffers have exactly torchvision's names and shapes, so that its published weights, converted to a
safetensors file, load by name (`minitorch_cv.train.load_weights`). They are made of the same blocks as the book's
networks in `minitorch_cv.models`.
"""

from .alexnet import alexnet
from .densenet import densenet121, densenet161, densenet169, densenet201
from .resnet import (
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    resnext101_64x4d,
    wide_resnet50_2,
    wide_resnet101_2,
)
from .vgg import vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
