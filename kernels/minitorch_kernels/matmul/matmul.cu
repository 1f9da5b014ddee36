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

#define MATRICES                                                                                                       \
    Global<const REAL> a, Index a_group, Index a_row, Index a_k, Global<const REAL> b, Index b_group, Index b_k,       \
        Index b_column, Global<REAL> y, Index M, Index N, Index K

template <class Tile> __device__ __forceinline__ void product(MATRICES) {
    SHARED(REAL, a_step, Tile::STEP);
    SHARED(REAL, b_step, Tile::STEP);
    const Index g = blockIdx.z, row = (Index)blockIdx.y * Tile::SIDE, column = (Index)blockIdx.x * Tile::SIDE;
    Tile tile;
    auto sum = [&](auto of) { tile.sum(of, 0, K, a_step, b_step); };
    if (a_k == 1 && b_k == 1)
        sum(Matrices<true, true>{a + g * a_group, b + g * b_group, M, N, row, a_row, a_k, column, b_column, b_k});
    else if (a_k == 1)
        sum(Matrices<true, false>{a + g * a_group, b + g * b_group, M, N, row, a_row, a_k, column, b_column, b_k});
    else if (b_k == 1)
        sum(Matrices<false, true>{a + g * a_group, b + g * b_group, M, N, row, a_row, a_k, column, b_column, b_k});
    else
        sum(Matrices<false, false>{a + g * a_group, b + g * b_group, M, N, row, a_row, a_k, column, b_column, b_k});
    tile.each([&](int i, int j, REAL value) {
        if (row + i < M && column + j < N) y[(g * M + row + i) * N + column + j] = value;
    });
}
#define GIVEN a, a_group, a_row, a_k, b, b_group, b_k, b_column, y, M, N, K

extern "C" __global__ void __launch_bounds__(256) product_small(MATRICES) { product<Small>(GIVEN); }
extern "C" __global__ void __launch_bounds__(256) product_large(MATRICES) { product<Large>(GIVEN); }
extern "C" __global__ void __launch_bounds__(256) product_tf32(MATRICES) { product<Tensor>(GIVEN); }
