"""The networks in torchvision's form, under torchvision's function names: `torchvision.resnet50(num_classes=1000)`.

Parameters and buffers have exactly torchvision's names and shapes, so that its published weights, converted to a
safetensors file, load by name (`minitorch_cv.train.load_weights`). They are made of the same blocks as the book's
networks in `minitorch_cv.models`.
"""

__all__: list[str] = []
from .alexnet import alexnet
from .efficientnet import efficientnet_b0
from .googlenet import googlenet
from .mobilenet import mobilenet_v2
from .shufflenet import shufflenet_v2_x0_5, shufflenet_v2_x1_0, shufflenet_v2_x1_5, shufflenet_v2_x2_0
from .squeezenet import squeezenet1_0, squeezenet1_1
from .vgg import vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
