// Matrix products in tiles: what `matmul` and every convolution on the GPU go through.
//
// A block of 256 threads computes a tile of SIDE x SIDE results, which its threads hold in registers. The depth k is
// walked in steps of DEPTH: both factors of a step lie in shared memory, where each number is read many times, while
// those of the next step are on their way into registers. Each result is one sum in the order of k.
//
//     Scalars<EACH>    each thread sums EACH x EACH results by multiply-adds, in REAL
//     TensorFloats     a warp sums 64 x 32 results by matrix instructions, of factors rounded to TF32 (10 bits of
//                      mantissa) with sums in float32; from sm_80 on
//
// A tile is used so, with shared memory that the block declares and with the factors of its product:
//
//     SHARED(REAL, a_step, Tile::STEP); SHARED(REAL, b_step, Tile::STEP);
//     Tile tile;
//     tile.sum(factors, first, last, a_step, b_step);
//     tile.each([&](int i, int j, REAL value) { ... });
//
// Factors has REAL a(int i, Index k) and REAL b(int j, Index k), which give 0 outside, and says by A_ALONG_K and
// B_ALONG_K whether neighbours in memory are neighbours in k.
#pragma once

constexpr int THREADS = 256, DEPTH = 16;

// The place (i, k) of a step that this thread fetches as its e-th; neighbouring threads read neighbouring memory.
template <int SIDE, bool ALONG_K> struct Fetched {
    int i, k;
    __device__ __forceinline__ Fetched(int e) {
        const int place = threadIdx.x + e * THREADS;
        i = ALONG_K ? place / DEPTH : place % SIDE;
        k = ALONG_K ? place % DEPTH : place / SIDE;
    }
};

// Walk the depth: fetch a step, keep it in shared memory as the tile wants its numbers, have it added.
template <class Tile, class Factors, class Step>
__device__ __forceinline__ void walk(Tile& tile, Factors& of, Index first, Index last, Step& a_step, Step& b_step) {
    constexpr int EACH = Tile::SIDE * DEPTH / THREADS, ROW = Tile::ROW;
    using A = Fetched<Tile::SIDE, Factors::A_ALONG_K>;
    using B = Fetched<Tile::SIDE, Factors::B_ALONG_K>;
    REAL a_next[EACH], b_next[EACH];
    auto fetch = [&](Index start) {
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            const A a(e);
            const B b(e);
            a_next[e] = start + a.k < last ? of.a(a.i, start + a.k) : REAL(0);
            b_next[e] = start + b.k < last ? of.b(b.i, start + b.k) : REAL(0);
        }
    };
    fetch(first);
    for (Index start = first; start < last; start += DEPTH) {
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            const A a(e);
            const B b(e);
            a_step[a.k * ROW + a.i] = Tile::rounded(a_next[e]);
            b_step[b.k * ROW + b.i] = Tile::rounded(b_next[e]);
        }
        __syncthreads();
        if (start + DEPTH < last) fetch(start + DEPTH);
        tile.add(a_step, b_step);
        __syncthreads();
    }
}

template <int EACH> struct Scalars {
    static constexpr int ACROSS = 16, SIDE = ACROSS * EACH, ROW = SIDE + 4, STEP = DEPTH * ROW;
    REAL sums[EACH][EACH];

    static __device__ __forceinline__ REAL rounded(REAL x) { return x; }

    template <class Factors, class Step>
    __device__ __forceinline__ void sum(Factors& of, Index first, Index last, Step& a_step, Step& b_step) {
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int j = 0; j < EACH; j++) sums[i][j] = 0;
        walk(*this, of, first, last, a_step, b_step);
    }

    // Row, or column, of this thread's i-th result: groups of four neighbours.
    static __device__ __forceinline__ int own(int lane, int i) { return lane * 4 + i % 4 + i / 4 * ACROSS * 4; }

    template <class Step> __device__ __forceinline__ void add(Step& a_step, Step& b_step) {
        const int x = threadIdx.x % ACROSS, y = threadIdx.x / ACROSS;
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            REAL a[EACH], b[EACH];
#pragma unroll
            for (int i = 0; i < EACH; i++) a[i] = a_step[k * ROW + own(y, i)];
#pragma unroll
            for (int j = 0; j < EACH; j++) b[j] = b_step[k * ROW + own(x, j)];
#pragma unroll
            for (int i = 0; i < EACH; i++)
#pragma unroll
                for (int j = 0; j < EACH; j++) sums[i][j] += a[i] * b[j];
        }
    }

    template <class Use> __device__ __forceinline__ void each(Use use) const {
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int j = 0; j < EACH; j++)
                use(own(threadIdx.x / ACROSS, i), own(threadIdx.x % ACROSS, j), sums[i][j]);
    }
};

using Small = Scalars<4>;                          // 64 x 64 results
using Large = Scalars<sizeof(REAL) == 4 ? 8 : 4>;  // 128 x 128 of float32; of float64 the registers hold no more

#ifdef TENSOR_CORES
struct TensorFloats {
    static constexpr int SIDE = 128, ROW = SIDE + 8, STEP = DEPTH * ROW;  // so the lanes of a warp read 32 banks
    static constexpr int ROWS = 16, COLUMNS = 8, K = 8, DOWN = 4, ACROSS = 4;  // of an instruction; how many a warp does
    float sums[DOWN][ACROSS][4];

    static __device__ __forceinline__ float rounded(float x) { return to_tf32(x); }

    template <class Factors, class Step>
    __device__ __forceinline__ void sum(Factors& of, Index first, Index last, Step& a_step, Step& b_step) {
#pragma unroll
        for (int i = 0; i < DOWN; i++)
#pragma unroll
            for (int j = 0; j < ACROSS; j++)
#pragma unroll
                for (int e = 0; e < 4; e++) sums[i][j][e] = 0;
        walk(*this, of, first, last, a_step, b_step);
    }

    // The 8 warps lie 2 x 4 on the tile; within an instruction's part a lane stands at (lane / 4, lane % 4).
    static __device__ __forceinline__ int top() { return threadIdx.x / 32 / 4 * (DOWN * ROWS); }
    static __device__ __forceinline__ int left() { return threadIdx.x / 32 % 4 * (ACROSS * COLUMNS); }

    template <class Step> __device__ __forceinline__ void add(Step& a_step, Step& b_step) {
        const int row = threadIdx.x % 32 / 4, column = threadIdx.x % 4;
#pragma unroll
        for (int k = 0; k < DEPTH; k += K) {
            float b[ACROSS][2];
#pragma unroll
            for (int j = 0; j < ACROSS; j++)
#pragma unroll
                for (int half = 0; half < 2; half++)
                    b[j][half] = b_step[(k + column + 4 * half) * ROW + left() + j * COLUMNS + row];
#pragma unroll
            for (int i = 0; i < DOWN; i++) {
                float a[4];
#pragma unroll
                for (int e = 0; e < 4; e++)
                    a[e] = a_step[(k + column + e / 2 * 4) * ROW + top() + i * ROWS + row + e % 2 * 8];
#pragma unroll
                for (int j = 0; j < ACROSS; j++) multiply_tf32(sums[i][j], a, b[j]);
            }
        }
    }

    template <class Use> __device__ __forceinline__ void each(Use use) const {
        const int row = threadIdx.x % 32 / 4, column = threadIdx.x % 4 * 2;
#pragma unroll
        for (int i = 0; i < DOWN; i++)
#pragma unroll
            for (int j = 0; j < ACROSS; j++)
#pragma unroll
                for (int e = 0; e < 4; e++)
                    use(top() + i * ROWS + row + e / 2 * 8, left() + j * COLUMNS + column + e % 2, sums[i][j][e]);
    }
};
#endif

// The tile of kernels that may round to TF32: `Large` for float64, and where there are no such instructions.
template <class T> struct ForTensorCores {
    using Tile = Large;
};
#ifdef TENSOR_CORES
template <> struct ForTensorCores<float> {
    using Tile = TensorFloats;
};
#endif
using Tensor = ForTensorCores<REAL>::Tile;
