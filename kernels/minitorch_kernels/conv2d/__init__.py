"""2-D convolution and its two gradients.

The references lay windows out with `im2col` and multiply. The fast versions never copy a window. Activations are stored
batch-last, so the images that a tap of the kernel sees for one output position are neighbours in memory: a stretch of
N lanes that `multiply_tile` reads in place. Where the stride is 1, neighbouring positions of a row continue each other,
and one run takes as many of them as see the same taps. Taps that would fall on the padding are left out of the sum.

    y     each position sums over its taps (ky, kx, c)
    dx    the same with dy as the image and the filter turned round; with a stride s, positions fall into s·s classes
          that see different taps, and each class is a convolution of its own
    dw    each (o, c, ky, kx) sums over positions and images: `dot_tile`

    all   for 3x3 and 5x5 filters without stride, Winograd's convolution has fewer products (`winograd_transforms`)

`choice` has the rule that picks for each shape, `cpu` calls what it picked.

Rule for small batches: where the stride along a row is above 1 and there are fewer than SMALL_BATCH images, no run
would fill a vector; then im2col and a matrix product are used, whose lanes run over positions and images together. That
pays where a group has more than FEW_FILTERS filters to use the copied windows, so not in depthwise layers. In conv2d a
filter that holds Inf or NaN takes this way too: on the padding 0 · Inf gives NaN, as the reference says.
"""

from ..kernel import Kernel
from .cpu import conv2d_cpu, conv2d_input_grad_cpu, conv2d_weight_grad_cpu
from .reference import conv2d_input_grad_reference, conv2d_reference, conv2d_weight_grad_reference

conv2d = Kernel("conv2d", conv2d_reference, conv2d_cpu)
conv2d_input_grad = Kernel("conv2d_input_grad", conv2d_input_grad_reference, conv2d_input_grad_cpu)
conv2d_weight_grad = Kernel("conv2d_weight_grad", conv2d_weight_grad_reference, conv2d_weight_grad_cpu)
