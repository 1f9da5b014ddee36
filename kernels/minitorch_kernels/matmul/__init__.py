"""Matrix products, and the loops over tiles that they share with the convolutions.

    panels.py    arrays as runs of memory, and copied into panels that a tile reads in order
    tiles.py     `multiply`: tiles of results, lanes are outputs
    lane_sums.py `dots`: tiles of results, lanes are summed
    turned_sums.py the same, as a product like `multiply` once one factor is turned round
    product.py   `matmul`: which of them serves which product
    product_cuda.py, matmul.cu   the same on the GPU

Our own product, not the BLAS library's, because two thread pools in one process slow each other down and because here
the rows of `b` may lie anywhere (see `vector.multiply_tile`), as the taps of a convolution do.
"""

from ..kernel import Kernel
from .lane_sums import dots
from .panels import memory_of, pack, run_of_memory
from .product import matmul_cpu, matmul_reference, product
from .product_cuda import matmul_cuda
from .tiles import multiply

matmul = Kernel("matmul", matmul_reference, matmul_cpu, matmul_cuda)
