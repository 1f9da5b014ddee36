// Matrix products in tiles: what `matmul` and the convolutions on the GPU go through. Included after device.cuh,
// copies.cuh and tensor_cores.cuh.
//
// A block computes a tile of ROWS x COLUMNS results, which its threads hold in registers. The depth k is walked in steps
// of DEPTH: while the factors of a step are read from one half of shared memory, those of the next are on their way to
// the other half. Each result is one sum in the order of the steps.
//
//     Scalars          each thread sums EACH x EACH results by multiply-adds, in REAL
//     TensorCores      each warp sums by matrix instructions, of factors rounded to TF32 (10 bits of mantissa) or bfloat16
//                      (7 bits) when they are read from shared memory, with sums in float32; from sm_80 on
//
// A tile is used so, with shared memory that the block declares and with the factors of its product:
//
//     SHARED(REAL, a_panels, Tile::A_PANELS); SHARED(REAL, b_panels, Tile::B_PANELS);
//     Tile tile;
//     sum(tile, factors, first, last, a_panels, b_panels);
//     tile.each(factors, [&](int i, int j, REAL value) { ... });
//
// Factors has Index a(int i, int k) and Index b(int j, int k), which say where in `left` and `right` a number lies, or -1
// for a 0; by A_ALONG_K and B_ALONG_K, whether neighbours in memory are neighbours in k; and by a_wide and b_wide,
// whether four of them always lie side by side, from a multiple of 16 bytes on, or are 0 together. `first`, and `last`
// where the depth goes on behind it, are multiples of DEPTH.
#pragma once

constexpr int DEPTH = 16;

// Where (i, k) of a step lies in shared memory. Groups of four neighbours stay together, and are moved about so that the
// lanes of a warp, which read at some distance from each other, read from different banks.
template <int SIDE, bool ALONG_K> __device__ __forceinline__ int place(int i, int k) {
    return ALONG_K ? i * DEPTH + (k ^ i / 2 % 4 * 4) : k * SIDE + (i ^ k / 4 * 8 % SIDE);
}

// Start to copy a step of one factor; neighbouring threads copy neighbouring memory.
template <int THREADS, int SIDE, bool ALONG_K, class Panels, class Where>
__device__ __forceinline__ void bring(Panels& panels, int begin, Global<const REAL> from, bool wide, Where where) {
    constexpr int ALONG = (ALONG_K ? DEPTH : SIDE) / 4;
    if (wide) {
#pragma unroll
        for (int four = threadIdx.x; four < SIDE * DEPTH / 4; four += THREADS) {
            const int along = four % ALONG * 4, across = four / ALONG;
            const int i = ALONG_K ? across : along, k = ALONG_K ? along : across;
            copy<4>(panels, begin + place<SIDE, ALONG_K>(i, k), from, where(i, k));
        }
    } else {
#pragma unroll 1
        for (int one = threadIdx.x; one < SIDE * DEPTH; one += THREADS) {
            const int along = one % (4 * ALONG), across = one / (4 * ALONG);
            const int i = ALONG_K ? across : along, k = ALONG_K ? along : across;
            copy<1>(panels, begin + place<SIDE, ALONG_K>(i, k), from, where(i, k));
        }
    }
}

template <class Tile, class Factors, class A, class B>
__device__ __forceinline__ void sum(Tile& tile, const Factors& of, int first, int last, A& a_panels, B& b_panels) {
    constexpr bool A_ALONG_K = Factors::A_ALONG_K, B_ALONG_K = Factors::B_ALONG_K;
    auto bring_step = [&](int start, int half) {
        bring<Tile::THREADS, Tile::ROWS, A_ALONG_K>(
            a_panels, half * Tile::ROWS * DEPTH, of.left, of.a_wide,
            [&](int i, int k) { return start + k < last ? of.a(i, start + k) : Index(-1); }
        );
        bring<Tile::THREADS, Tile::COLUMNS, B_ALONG_K>(
            b_panels, half * Tile::COLUMNS * DEPTH, of.right, of.b_wide,
            [&](int j, int k) { return start + k < last ? of.b(j, start + k) : Index(-1); }
        );
    };
    tile.clear();
    if (first < last) bring_step(first, 0);
    int half = 0;
    for (int start = first; start < last; start += DEPTH, half ^= 1) {
        wait_for_copies();
        __syncthreads();  // this step is there, and everybody is done with the one before
        if (start + DEPTH < last) bring_step(start + DEPTH, half ^ 1);
        tile.template add<A_ALONG_K, B_ALONG_K>(
            a_panels, half * Tile::ROWS * DEPTH, b_panels, half * Tile::COLUMNS * DEPTH
        );
    }
}

template <int DOWN, int ACROSS, int EACH> struct Scalars {  // the threads lie DOWN x ACROSS on the tile
    static constexpr int THREADS = DOWN * ACROSS, ROWS = DOWN * EACH, COLUMNS = ACROSS * EACH;
    static constexpr int A_PANELS = 2 * ROWS * DEPTH, B_PANELS = 2 * COLUMNS * DEPTH;
    REAL sums[EACH][EACH];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int j = 0; j < EACH; j++) sums[i][j] = 0;
    }

    // Row, or column, of the i-th result of a thread; in groups of four where four rows are neighbours in shared memory.
    template <int LANES, bool ALONG_K> static __device__ __forceinline__ int own(int lane, int i) {
        return ALONG_K ? lane + i * LANES : lane * 4 + i % 4 + i / 4 * LANES * 4;
    }

    // Four by four numbers of one factor: for four results of the thread, from the i-th on, and four steps of k.
    template <int LANES, bool ALONG_K, class Panels>
    static __device__ __forceinline__ void take(REAL (&taken)[4][4], Panels& panels, int begin, int lane, int i, int k) {
        constexpr int SIDE = LANES * EACH;
#pragma unroll
        for (int n = 0; n < 4; n++) {
            const int from = own<LANES, ALONG_K>(lane, ALONG_K ? i + n : i);
            const Four four = four_of(panels, begin + place<SIDE, ALONG_K>(from, ALONG_K ? k : k + n));
#pragma unroll
            for (int m = 0; m < 4; m++) taken[ALONG_K ? n : m][ALONG_K ? m : n] = four.value[m];
        }
    }

    template <bool A_ALONG_K, bool B_ALONG_K, class A, class B>
    __device__ __forceinline__ void add(A& a_panels, int a_begin, B& b_panels, int b_begin) {
#pragma unroll 1
        for (int k = 0; k < DEPTH; k += 4) {
            REAL a[EACH / 4][4][4], b[4][4];
#pragma unroll
            for (int i = 0; i < EACH; i += 4)
                take<DOWN, A_ALONG_K>(a[i / 4], a_panels, a_begin, threadIdx.x / ACROSS, i, k);
#pragma unroll
            for (int j = 0; j < EACH; j += 4) {
                take<ACROSS, B_ALONG_K>(b, b_panels, b_begin, threadIdx.x % ACROSS, j, k);
#pragma unroll
                for (int n = 0; n < 4; n++)
#pragma unroll
                    for (int i = 0; i < EACH; i++)
#pragma unroll
                        for (int m = 0; m < 4; m++) sums[i][j + m] += a[i / 4][i % 4][n] * b[m][n];
            }
        }
    }

    template <class Factors, class Use> __device__ __forceinline__ void each(const Factors&, Use use) const {
        const int y = threadIdx.x / ACROSS, x = threadIdx.x % ACROSS;
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int j = 0; j < EACH; j++)
                use(own<DOWN, Factors::A_ALONG_K>(y, i), own<ACROSS, Factors::B_ALONG_K>(x, j), sums[i][j]);
    }
};

// Of float64 neither registers nor shared memory hold more than a small tile.
constexpr bool SINGLE = sizeof(REAL) == 4;
using Tiny = Scalars<8, 8, 4>;                                 // 32 x 32 results
using Small = Scalars<16, 16, 4>;                              // 64 x 64
using Large = Scalars<16, 16, SINGLE ? 8 : 4>;                 // 128 x 128
using Narrow = Scalars<SINGLE ? 64 : 16, SINGLE ? 4 : 16, 4>;  // 256 x 16

#ifdef TENSOR_CORES
// Four numbers that follow each other in k are one lane's share of 16 steps. Which of them an instruction takes for
// neighbours does not matter, as long as both factors agree.
struct TensorFloats {
    struct Rounded {
        float value[4];
    };
    static __device__ __forceinline__ Rounded rounded(const Four& x) {
        return {to_tf32(x.value[0]), to_tf32(x.value[1]), to_tf32(x.value[2]), to_tf32(x.value[3])};
    }
    static __device__ __forceinline__ void multiply(
        float (&sums)[4], const Rounded& upper, const Rounded& lower, const Rounded& b
    ) {
#pragma unroll
        for (int n = 0; n < 4; n += 2)
            multiply_tf32(
                sums, {upper.value[n], lower.value[n], upper.value[n + 1], lower.value[n + 1]},
                {b.value[n], b.value[n + 1]}
            );
    }
};

struct BrainFloats {
    struct Rounded {
        unsigned pair[2];
    };
    static __device__ __forceinline__ Rounded rounded(const Four& x) {
        return {to_bf16(x.value[0], x.value[1]), to_bf16(x.value[2], x.value[3])};
    }
    static __device__ __forceinline__ void multiply(
        float (&sums)[4], const Rounded& upper, const Rounded& lower, const Rounded& b
    ) {
        multiply_bf16(sums, {upper.pair[0], lower.pair[0], upper.pair[1], lower.pair[1]}, {b.pair[0], b.pair[1]});
    }
};

// 8 warps lie 2 x 4 on the tile, each with EACH x EACH instructions of 16 x 8 results.
template <class Numbers, int EACH> struct TensorCores {
    static constexpr int THREADS = 256, ROWS = 32 * EACH, COLUMNS = 32 * EACH;
    static constexpr int A_PANELS = 2 * ROWS * DEPTH, B_PANELS = 2 * COLUMNS * DEPTH;
    float sums[EACH][EACH][4];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int j = 0; j < EACH; j++)
#pragma unroll
                for (int e = 0; e < 4; e++) sums[i][j][e] = 0;
    }

    static __device__ __forceinline__ int top() { return threadIdx.x / 32 / 4 * (ROWS / 2); }
    static __device__ __forceinline__ int left() { return threadIdx.x / 32 % 4 * (COLUMNS / 4); }

    template <int SIDE, bool ALONG_K, class Panels>
    static __device__ __forceinline__ typename Numbers::Rounded take(Panels& panels, int begin, int i) {
        const int k = threadIdx.x % 4 * 4;
        Four four;
        if constexpr (ALONG_K) {
            four = four_of(panels, begin + place<SIDE, ALONG_K>(i, k));
        } else {
#pragma unroll
            for (int n = 0; n < 4; n++) four.value[n] = panels[begin + place<SIDE, ALONG_K>(i, k + n)];
        }
        return Numbers::rounded(four);
    }

    template <bool A_ALONG_K, bool B_ALONG_K, class A, class B>
    __device__ __forceinline__ void add(A& a_panels, int a_begin, B& b_panels, int b_begin) {
        const int row = threadIdx.x % 32 / 4;
        typename Numbers::Rounded b[EACH];
#pragma unroll
        for (int j = 0; j < EACH; j++) b[j] = take<COLUMNS, B_ALONG_K>(b_panels, b_begin, left() + j * 8 + row);
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            const auto upper = take<ROWS, A_ALONG_K>(a_panels, a_begin, top() + i * 16 + row);
            const auto lower = take<ROWS, A_ALONG_K>(a_panels, a_begin, top() + i * 16 + row + 8);
#pragma unroll
            for (int j = 0; j < EACH; j++) Numbers::multiply(sums[i][j], upper, lower, b[j]);
        }
    }

    template <class Factors, class Use> __device__ __forceinline__ void each(const Factors&, Use use) const {
        const int row = threadIdx.x % 32 / 4, column = threadIdx.x % 4 * 2;
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int j = 0; j < EACH; j++)
#pragma unroll
                for (int e = 0; e < 4; e++)
                    use(top() + i * 16 + row + e / 2 * 8, left() + j * 8 + column + e % 2, sums[i][j][e]);
    }
};
#endif

// Tiles of kernels that may round; where there are no such instructions, and for float64, they do not.
template <class T> struct Rounding {
    using Tf32Small = Small;
    using Tf32Large = Large;
    using Bf16Small = Small;
    using Bf16Large = Large;
};
#ifdef TENSOR_CORES
template <> struct Rounding<float> {
    using Tf32Small = TensorCores<TensorFloats, 2>;  // 64 x 64
    using Tf32Large = TensorCores<TensorFloats, 4>;  // 128 x 128
    using Bf16Small = TensorCores<BrainFloats, 2>;
    using Bf16Large = TensorCores<BrainFloats, 4>;
};
#endif

// The tile of this block: tiles are counted along the columns, then down the rows, then over the batch.
template <class Tile> struct Task {
    int row, column, batch;
    __device__ __forceinline__ Task(int rows, int columns) {
        const int across = (columns + Tile::COLUMNS - 1) / Tile::COLUMNS, down = (rows + Tile::ROWS - 1) / Tile::ROWS;
        column = blockIdx.x % across * Tile::COLUMNS;
        row = blockIdx.x / across % down * Tile::ROWS;
        batch = blockIdx.x / across / down;
    }
};
