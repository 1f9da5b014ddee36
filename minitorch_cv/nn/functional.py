"""The operations of networks under the names of torch.nn.functional: this list, and nothing else.

Each is written in the file of `minitorch_cv.ops` that it is imported from.
"""

from __future__ import annotations

from ..ops.activation import gelu, logsigmoid, prelu, sigmoid, softplus
from ..ops.conv import conv2d
from ..ops.conv_transpose import conv_transpose2d
from ..ops.cross_entropy import cross_entropy, nll_loss
from ..ops.distance import cosine_similarity, normalize, pairwise_distance
from ..ops.dropout import dropout, dropout2d, stochastic_depth
from ..ops.embedding import embedding
from ..ops.fold import fold, unfold
from ..ops.group_norm import group_norm, instance_norm, layer_norm
from ..ops.indexing import one_hot
from ..ops.inplace_activation import (
    elu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_softmax,
    mish,
    relu,
    relu6,
    silu,
    softmax,
)
from ..ops.interpolate import interpolate
from ..ops.local_response_norm import local_response_norm
from ..ops.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from ..ops.matmul import linear
from ..ops.normalization import batch_norm
from ..ops.padding import pad
from ..ops.pointwise import tanh
from ..ops.pool import adaptive_avg_pool2d, adaptive_max_pool2d, avg_pool2d, max_pool2d
from ..ops.shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "channel_shuffle",
    "conv2d",
    "conv_transpose2d",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout2d",
    "elu",
    "embedding",
    "fold",
    "gelu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "stochastic_depth",
    "tanh",
    "unfold",
]
