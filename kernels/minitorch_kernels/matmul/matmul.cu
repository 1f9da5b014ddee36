#include "device.cuh"
#include "copies.cuh"
#include "tensor_cores.cuh"
#include "tiles.cuh"

// y[part, g, m, n] = Σ_k a[g, m, k] b[g, k, n], over k of one part: `length` of them, a multiple of DEPTH. A block for each
// tile of each part and g. Of a the rows lie side by side in memory (a_along) or the columns do; a_step lies between one
// of them and the next, a_group between matrices. Of b, whose columns are walked along k, likewise. y is contiguous.
template <bool ALONG_A, bool ALONG_B> struct Matrices {
    static constexpr bool A_ALONG_K = ALONG_A, B_ALONG_K = ALONG_B;
    Global<const REAL> left, right;
    bool a_wide, b_wide;
    int rows, columns, a_step, b_step;
    __device__ __forceinline__ Index a(int i, int k) const {
        return i < rows ? (ALONG_A ? (Index)i * a_step + k : (Index)k * a_step + i) : -1;
    }
    __device__ __forceinline__ Index b(int j, int k) const {
        return j < columns ? (ALONG_B ? (Index)j * b_step + k : (Index)k * b_step + j) : -1;
    }
};

#define MATRICES                                                                                                       \
    Global<const REAL> a, Index a_group, Index a_step, Index a_along, Global<const REAL> b, Index b_group,             \
        Index b_step, Index b_along, Global<REAL> y, Index groups, Index M, Index N, Index K, Index length

template <class Tile> __device__ __forceinline__ void product(MATRICES) {
    SHARED(REAL, a_panels, Tile::A_PANELS);
    SHARED(REAL, b_panels, Tile::B_PANELS);
    const Task<Tile> task(M, N);
    const int g = task.batch % (int)groups, first = task.batch / (int)groups * (int)length;
    const int last = min(first + (int)length, (int)K), rows = M - task.row, columns = N - task.column;
    const auto left = a + (g * a_group + task.row * (a_along ? a_step : 1));
    const auto right = b + (g * b_group + task.column * (b_along ? b_step : 1));
    const bool a_wide = starts_evenly(left) && a_step % 4 == 0 && (a_along ? K : M) % 4 == 0;
    const bool b_wide = starts_evenly(right) && b_step % 4 == 0 && (b_along ? K : N) % 4 == 0;
    const auto results = y + ((task.batch * M + task.row) * N + task.column);
    auto write = [&](auto of) {
        Tile tile;
        sum(tile, of, first, last, a_panels, b_panels);
        tile.each(of, [&](int i, int j, REAL value) {
            if (i < rows && j < columns) results[i * N + j] = value;
        });
    };
#define OF left, right, a_wide, b_wide, rows, columns, (int)a_step, (int)b_step
    if (a_along && b_along)
        write(Matrices<true, true>{OF});
    else if (a_along)
        write(Matrices<true, false>{OF});
    else if (b_along)
        write(Matrices<false, true>{OF});
    else
        write(Matrices<false, false>{OF});
}
#define GIVEN a, a_group, a_step, a_along, b, b_group, b_step, b_along, y, groups, M, N, K, length

extern "C" __global__ void __launch_bounds__(64, 8) product_tiny(MATRICES) { product<Tiny>(GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) product_narrow(MATRICES) { product<Narrow>(GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) product_small(MATRICES) { product<Small>(GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 1) product_large(MATRICES) { product<Large>(GIVEN); }
extern "C" __global__ void __launch_bounds__(256, 2) product_tf32_small(MATRICES) {
    product<Rounding<REAL>::Tf32Small>(GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) product_tf32_large(MATRICES) {
    product<Rounding<REAL>::Tf32Large>(GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 2) product_bf16_small(MATRICES) {
    product<Rounding<REAL>::Bf16Small>(GIVEN);
}
extern "C" __global__ void __launch_bounds__(256, 1) product_bf16_large(MATRICES) {
    product<Rounding<REAL>::Bf16Large>(GIVEN);
}
