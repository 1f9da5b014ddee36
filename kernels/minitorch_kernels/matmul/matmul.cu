#include "device.cuh"
#include "tiles.cuh"

// y[g, m, n] = Σ_k a[g, m, k] b[g, k, n]; a and b with any strides, y contiguous. A block for each tile, z over g.
template <bool ALONG_A, bool ALONG_B> struct Matrices {
    static constexpr bool A_ALONG_K = ALONG_A, B_ALONG_K = ALONG_B;
    Global<const REAL> left, right;
    Index rows, columns, row, a_row, a_k, column, b_column, b_k;
    __device__ __forceinline__ REAL a(int i, Index k) const {
        return row + i < rows ? left[(row + i) * a_row + k * a_k] : REAL(0);
    }
    __device__ __forceinline__ REAL b(int j, Index k) const {
        return column + j < columns ? right[(column + j) * b_column + k * b_k] : REAL(0);
    }
};

template <int EACH, bool ALONG_A, bool ALONG_B, class Step>
__device__ __forceinline__ void product(
    Global<const REAL> a, Index a_group, Index a_row, Index a_k, Global<const REAL> b, Index b_group, Index b_k,
    Index b_column, Global<REAL> y, Index M, Index N, Index K, Step& a_step, Step& b_step
) {
    constexpr int SIDE = ACROSS * EACH;
    const Index g = blockIdx.z, row = (Index)blockIdx.y * SIDE, column = (Index)blockIdx.x * SIDE;
    Matrices<ALONG_A, ALONG_B> of{a + g * a_group, b + g * b_group, M, N, row, a_row, a_k, column, b_column, b_k};
    REAL sums[EACH][EACH];
    tile_product<EACH>(of, 0, K, sums, a_step, b_step);
#pragma unroll
    for (int i = 0; i < EACH; i++)
#pragma unroll
        for (int j = 0; j < EACH; j++) {
            Index m = row + own<EACH>(threadIdx.x / ACROSS, i), n = column + own<EACH>(threadIdx.x % ACROSS, j);
            if (m < M && n < N) y[(g * M + m) * N + n] = sums[i][j];
        }
}

// The four ways the factors may lie: along their rows or their columns.
template <int EACH>
__device__ __forceinline__ void product_of(
    Global<const REAL> a, Index a_group, Index a_row, Index a_k, Global<const REAL> b, Index b_group, Index b_k,
    Index b_column, Global<REAL> y, Index M, Index N, Index K
) {
    SHARED(REAL, a_step, STEP(EACH));
    SHARED(REAL, b_step, STEP(EACH));
    if (a_k == 1 && b_k == 1)
        product<EACH, true, true>(a, a_group, a_row, a_k, b, b_group, b_k, b_column, y, M, N, K, a_step, b_step);
    else if (a_k == 1)
        product<EACH, true, false>(a, a_group, a_row, a_k, b, b_group, b_k, b_column, y, M, N, K, a_step, b_step);
    else if (b_k == 1)
        product<EACH, false, true>(a, a_group, a_row, a_k, b, b_group, b_k, b_column, y, M, N, K, a_step, b_step);
    else
        product<EACH, false, false>(a, a_group, a_row, a_k, b, b_group, b_k, b_column, y, M, N, K, a_step, b_step);
}

extern "C" __global__ void __launch_bounds__(256) product_64(
    Global<const REAL> a, Index a_group, Index a_row, Index a_k, Global<const REAL> b, Index b_group, Index b_k,
    Index b_column, Global<REAL> y, Index M, Index N, Index K
) {
    product_of<SMALL>(a, a_group, a_row, a_k, b, b_group, b_k, b_column, y, M, N, K);
}

extern "C" __global__ void __launch_bounds__(256) product_128(
    Global<const REAL> a, Index a_group, Index a_row, Index a_k, Global<const REAL> b, Index b_group, Index b_k,
    Index b_column, Global<REAL> y, Index M, Index N, Index K
) {
    product_of<LARGE>(a, a_group, a_row, a_k, b, b_group, b_k, b_column, y, M, N, K);
}
