"""Hand-written kernels: arrays in, arrays out.

Each operation has a reference in plain NumPy and a fast version compiled by Numba, side by side under one name, joined
by a `Kernel`. Kernels know nothing of tensors or of graphs.
"""

from .adadelta import adadelta_step
from .adagrad import adagrad_step
from .adam import adam_step
from .adaptive_pool2d import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_grad,
    adaptive_max_pool2d,
    adaptive_max_pool2d_grad,
)
from .add import add, add_into
from .add_rows import add_rows
from .arrays import array_module, is_cupy
from .avg_pool2d import activation_avg_pool2d, activation_avg_pool2d_grad, avg_pool2d, avg_pool2d_grad
from .batch_norm import batch_norm_inference, batch_norm_inference_grad, batch_norm_train, batch_norm_train_grad
from .channel_sum import channel_sum
from .conv2d import conv2d, conv2d_input_grad, conv2d_weight_grad
from .cross_entropy import softmax_cross_entropy, softmax_cross_entropy_grad
from .dropout import dropout
from .erf import erf
from .group_norm import group_norm, group_norm_grad
from .im2col import col2im, im2col
from .images import adjust_color, gather_images, gather_labels, resample, take_pixels
from .join import join
from .kernel import REGISTRY, Kernel, use
from .local_response_norm import local_response_norm, local_response_norm_grad
from .matmul import matmul
from .max_pool2d import max_pool2d, max_pool2d_grad
from .philox import philox_dropout, philox_key
from .relu import relu, relu_grad
from .resample2d import resample2d
from .rmsprop import rmsprop_step
from .sgd import sgd_step
from .sigmoid import sigmoid, sigmoid_grad
from .tanh import tanh, tanh_grad

__all__ = [
    "REGISTRY",
    "Kernel",
    "activation_avg_pool2d",
    "activation_avg_pool2d_grad",
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_grad",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_grad",
    "add",
    "add_into",
    "add_rows",
    "adjust_color",
    "array_module",
    "avg_pool2d",
    "avg_pool2d_grad",
    "batch_norm_inference",
    "batch_norm_inference_grad",
    "batch_norm_train",
    "batch_norm_train_grad",
    "channel_sum",
    "col2im",
    "conv2d",
    "conv2d_input_grad",
    "conv2d_weight_grad",
    "dropout",
    "erf",
    "gather_images",
    "gather_labels",
    "group_norm",
    "group_norm_grad",
    "im2col",
    "is_cupy",
    "join",
    "local_response_norm",
    "local_response_norm_grad",
    "matmul",
    "max_pool2d",
    "max_pool2d_grad",
    "philox_dropout",
    "philox_key",
    "relu",
    "relu_grad",
    "resample",
    "resample2d",
    "rmsprop_step",
    "sgd_step",
    "sigmoid",
    "sigmoid_grad",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
    "take_pixels",
    "tanh",
    "tanh_grad",
    "use",
]
