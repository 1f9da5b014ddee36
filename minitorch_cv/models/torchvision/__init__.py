"""The networks in torchvision's form, under torchvision's function names: `torchvision.resnet50(num_classes=1000)`.

Parameters and buffers have exactly torchvision's names and shapes, so that its published weights, converted to a
safetensors file, load by name (`minitorch_cv.train.load_weights`). They are made of the same blocks as the book's
networks in `minitorch_cv.models`.
"""

__all__: list[str] = []
