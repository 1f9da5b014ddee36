"""Networks from parts: modules, layers, losses, and the first values of their parameters."""

from . import functional, init, parallel, utils
from .activation import (
    ELU,
    GELU,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softmax2d,
    Softplus,
    Tanh,
)
from .batchnorm import BatchNorm1d, BatchNorm2d, LazyBatchNorm1d, LazyBatchNorm2d
from .containers import ModuleDict, ModuleList, ParameterList, Sequential
from .conv import Conv2d, LazyConv2d
from .conv_transpose import ConvTranspose2d, LazyConvTranspose2d
from .dropout import DropConnectLinear, Dropout, Dropout2d, StochasticDepth
from .embedding import Embedding
from .flatten import Flatten, Unflatten
from .linear import Identity, LazyLinear, Linear
from .loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from .module import Module
from .normalization import GroupNorm, InstanceNorm2d, LayerNorm, LocalResponseNorm
from .padding import CircularPad2d, ConstantPad2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d
from .parameter import Parameter, UninitializedBuffer, UninitializedParameter
from .pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, Fold, MaxPool2d, Unfold
from .shuffle import ChannelShuffle, PixelShuffle, PixelUnshuffle
from .sync_batchnorm import SyncBatchNorm
from .upsampling import Upsample, UpsamplingBilinear2d, UpsamplingNearest2d
