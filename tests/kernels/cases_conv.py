"""Arguments for matmul, im2col and the convolutions: `CASES[name]` lists functions (rng, dtype) -> arguments."""

from typing import NamedTuple

from minitorch_kernels.im2col import output_size


class Conv(NamedTuple):
    N: int
    C: int
    O: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    bias: bool = True

    @property
    def window(self):
        return self.stride, self.padding, self.dilation

    @property
    def x_shape(self):
        return (self.N, self.C, *self.size)

    @property
    def w_shape(self):
        return (self.O, self.C // self.groups, *self.kernel)

    @property
    def out(self):
        return output_size(self.size, self.kernel, *self.window)

    @property
    def y_shape(self):
        return (self.N, self.O, *self.out)

    @property
    def cols_shape(self):
        return (self.N, self.C * self.kernel[0] * self.kernel[1], self.out[0] * self.out[1])


SMALL = [
    Conv(2, 1, 1, (3, 3), (2, 2)),
    Conv(3, 2, 3, (4, 4), (3, 3), padding=(1, 1)),
    Conv(2, 2, 2, (3, 4), (3, 4)),  # the kernel covers the whole input
    Conv(2, 3, 2, (3, 2), (1, 1), bias=False),
    Conv(2, 1, 2, (7, 8), (2, 2), stride=(3, 4)),  # the stride is larger than the kernel: some inputs are never seen
    Conv(17, 1, 2, (5, 4), (2, 2), stride=(3, 3), padding=(0, 1)),
    Conv(2, 2, 1, (6, 6), (3, 2), dilation=(2, 3), padding=(1, 2)),
    Conv(
        17, 1, 1, (5, 5), (3, 2), stride=(2, 2), dilation=(2, 3), padding=(2, 1)
    ),  # stride and dilation share a factor
    Conv(2, 4, 6, (3, 3), (2, 2), groups=2),
    Conv(3, 3, 3, (4, 3), (3, 3), padding=(1, 1), groups=3),  # depthwise
    Conv(2, 2, 4, (4, 4), (3, 3), padding=(1, 1), groups=2, stride=(2, 2)),
    Conv(3, 2, 2, (4, 6), (2, 3), stride=(1, 2), padding=(1, 0), dilation=(2, 1)),
    Conv(1, 2, 2, (6, 7), (3, 3), stride=(2, 2)),  # the last row and column of the input are left over
    Conv(17, 2, 7, (3, 3), (2, 2), stride=(2, 1), padding=(1, 1)),
    Conv(40, 1, 2, (4, 4), (3, 3), stride=(2, 2), padding=(1, 1)),
    Conv(40, 1, 1, (3, 3), (3, 3), padding=(2, 2), bias=False),
    Conv(1, 1, 2, (5, 9), (3, 3), padding=(1, 1)),
    Conv(2, 1, 1, (1, 1), (3, 3), padding=(3, 3)),  # some windows lie on the padding alone
    # few images, a stride and many filters: by im2col
    Conv(2, 1, 33, (3, 4), (2, 2), stride=(1, 2), padding=(0, 1)),
    Conv(1, 2, 66, (3, 3), (2, 1), stride=(2, 2), padding=(1, 0), dilation=(2, 1), groups=2, bias=False),
    Conv(0, 2, 3, (4, 4), (3, 3), padding=(1, 1)),
    Conv(0, 2, 2, (4, 4), (3, 3), stride=(2, 2), groups=2),
]

BIG = [
    Conv(40, 6, 16, (14, 14), (5, 5)),
    Conv(19, 8, 14, (17, 23), (3, 3), padding=(1, 1), groups=2),
    Conv(17, 5, 9, (31, 30), (3, 3), stride=(2, 2), padding=(1, 1)),
    Conv(
        64, 70, 65, (4, 4), (3, 3), padding=(1, 1), bias=False
    ),  # a sum over more steps than one visit to a tile makes
    # by Winograd in float32: 4x4 and 2x2 tiles, 5x5 filters
    Conv(37, 40, 33, (18, 15), (3, 3), padding=(1, 1)),
    Conv(64, 48, 40, (6, 6), (3, 3), padding=(1, 1), bias=False),
    Conv(33, 40, 36, (13, 12), (5, 5), padding=(2, 2)),
    # sums so large that dy is turned
    Conv(33, 68, 30, (9, 8), (1, 1)),
    Conv(20, 80, 132, (9, 10), (3, 3), stride=(2, 2), padding=(1, 1), groups=2, bias=False),
    Conv(5, 3, 8, (33, 33), (5, 4), stride=(3, 2), padding=(2, 1), dilation=(2, 3)),
]

PRODUCTS = [
    ((2, 3), (3, 4)),
    ((1, 5), (5, 1)),
    ((7, 4), (4, 17)),
    ((2, 3, 4), (2, 4, 5)),
    ((3, 1, 2, 4), (2, 4, 3)),  # (3, 1) and (2,) broadcast to (3, 2)
    ((3, 4), (2, 4, 2)),
    ((2, 3, 4), (4, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((2, 3), (3, 0)),
    ((0, 2, 3), (0, 3, 2)),
]

BIG_PRODUCTS = [
    (
        (200, 1100),
        (1100, 150),
    ),  # past the depth of a panel, the width of a tile and the rows for which b is read in place
    ((64, 300), (300, 100)),
    ((3, 50, 40), (40, 65)),
]


def normal(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def matmul_case(shapes):
    return lambda rng, dtype: tuple(normal(rng, shape, dtype) for shape in shapes)


def im2col_case(conv):
    return lambda rng, dtype: (normal(rng, conv.x_shape, dtype), conv.kernel, *conv.window)


def col2im_case(conv):
    return lambda rng, dtype: (normal(rng, conv.cols_shape, dtype), conv.size, conv.kernel, *conv.window)


def forward_case(conv):
    def case(rng, dtype):
        x, w = normal(rng, conv.x_shape, dtype), normal(rng, conv.w_shape, dtype)
        return x, w, normal(rng, conv.O, dtype) if conv.bias else None, *conv.window, conv.groups

    return case


def input_grad_case(conv):
    def case(rng, dtype):
        dy, w = normal(rng, conv.y_shape, dtype), normal(rng, conv.w_shape, dtype)
        return dy, w, conv.size, *conv.window, conv.groups

    return case


def weight_grad_case(conv):
    def case(rng, dtype):
        dy, x = normal(rng, conv.y_shape, dtype), normal(rng, conv.x_shape, dtype)
        return dy, x, conv.kernel, *conv.window, conv.groups

    return case


def cases(convs, products):
    return {
        "matmul": [matmul_case(shapes) for shapes in products],
        "im2col": [im2col_case(conv) for conv in convs],
        "col2im": [col2im_case(conv) for conv in convs],
        "conv2d": [forward_case(conv) for conv in convs],
        "conv2d_input_grad": [input_grad_case(conv) for conv in convs],
        "conv2d_weight_grad": [weight_grad_case(conv) for conv in convs],
    }


CASES = cases(SMALL, PRODUCTS)
LARGE = cases(BIG, BIG_PRODUCTS)
