"""2-D convolution and its two gradients.

The references lay windows out with `im2col` and multiply. The fast versions never copy a window. Activations are stored
batch-last, so the images that a tap of the kernel sees for one output position are neighbours in memory: a stretch of
N lanes that `multiply_tile` reads in place. Where the stride is 1, neighbouring positions of a row continue each other,
and one run takes as many of them as see the same taps. Taps that would fall on the padding are left out of the sum.

    y     each position sums over its taps (ky, kx, c)
    dx    the same with dy as the image and the filter turned round; with a stride s, positions fall into s·s classes
          that see different taps, and each class is a convolution of its own
    dw    each (o, c, ky, kx) sums over positions and images: `dots`

Three algorithms compute each of them: this one ("direct"), windows laid out as columns and a product ("im2col"), and
for 3x3 and 5x5 filters without stride Winograd's, which needs fewer products (`winograd_transforms`), in square tiles
(`winograd`) or along the rows (`winograd_rows`). `choice` has the
rule that picks one for each shape, `cpu` calls what it picked. In conv2d a filter that holds Inf or NaN goes by im2col:
on the padding 0 · Inf is NaN, as the reference says.
"""

from ..kernel import Kernel
from .cpu import conv2d_cpu, conv2d_input_grad_cpu, conv2d_weight_grad_cpu
from .cuda import conv2d_cuda, conv2d_input_grad_cuda, conv2d_weight_grad_cuda
from .reference import conv2d_input_grad_reference, conv2d_reference, conv2d_weight_grad_reference

conv2d = Kernel("conv2d", conv2d_reference, conv2d_cpu, conv2d_cuda)
conv2d_input_grad = Kernel(
    "conv2d_input_grad", conv2d_input_grad_reference, conv2d_input_grad_cpu, conv2d_input_grad_cuda
)
conv2d_weight_grad = Kernel(
    "conv2d_weight_grad", conv2d_weight_grad_reference, conv2d_weight_grad_cpu, conv2d_weight_grad_cuda
)
