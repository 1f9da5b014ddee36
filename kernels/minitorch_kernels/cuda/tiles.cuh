// Matrix products in tiles: what `matmul` and every convolution on the GPU go through.
//
// A block of 16 x 16 threads computes a tile of SIDE x SIDE results, SIDE = 16 EACH, and each thread EACH x EACH of them
// in registers. The depth k is walked in steps of DEPTH: both factors of a step lie in shared memory, where each number
// is read 16 times, while those of the next step are on their way into registers. Each result is one sum in the order
// of k, by one thread.
#pragma once

constexpr int DEPTH = 16;
constexpr int ACROSS = 16;  // threads along each side of a tile
constexpr int SMALL = 4, LARGE = sizeof(REAL) == 4 ? 8 : 4;  // EACH: the registers hold no more of float64

// The place (i, k) within a step that this thread fetches as its e-th: neighbouring threads take neighbouring k where
// those are neighbours in memory, else neighbouring i.
template <int EACH, bool ALONG_K> __device__ __forceinline__ int fetched_i(int e) {
    int place = threadIdx.x + e * ACROSS * ACROSS;
    return ALONG_K ? place / DEPTH : place % (ACROSS * EACH);
}
template <int EACH, bool ALONG_K> __device__ __forceinline__ int fetched_k(int e) {
    int place = threadIdx.x + e * ACROSS * ACROSS;
    return ALONG_K ? place % DEPTH : place / (ACROSS * EACH);
}

// Row (or column) of the tile of this thread's i-th result: groups of four neighbours.
template <int EACH> __device__ __forceinline__ int own(int lane, int i) { return lane * 4 + i % 4 + i / 4 * ACROSS * 4; }

// The shared memory that a step of one factor takes, STEP(EACH) numbers: DEPTH rows, with gaps that spread what is
// stored along k over the banks.
#define ROW_OF(EACH) (ACROSS * EACH + 4)
#define STEP(EACH) (DEPTH * ROW_OF(EACH))

// sums[i][j] = Σ_{first <= k < last} a(row, k) b(column, k) for this thread's rows and columns of the tile.
//
// Factors has REAL a(int i, Index k) and REAL b(int j, Index k), which give 0 outside, and says by A_ALONG_K and
// B_ALONG_K in which direction its memory runs. a_step and b_step are the block's, SHARED(REAL, a_step, STEP(EACH)).
template <int EACH, class Factors, class Step>
__device__ __forceinline__ void tile_product(
    Factors& of, Index first, Index last, REAL (&sums)[EACH][EACH], Step& a_step, Step& b_step
) {
    constexpr int ROW = ROW_OF(EACH);
    const int x = threadIdx.x % ACROSS, y = threadIdx.x / ACROSS;
    REAL a_next[EACH], b_next[EACH];
    for (int i = 0; i < EACH; i++)
        for (int j = 0; j < EACH; j++) sums[i][j] = 0;
    auto fetch = [&](Index start) {
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            Index ka = start + fetched_k<EACH, Factors::A_ALONG_K>(e), kb = start + fetched_k<EACH, Factors::B_ALONG_K>(e);
            a_next[e] = ka < last ? of.a(fetched_i<EACH, Factors::A_ALONG_K>(e), ka) : REAL(0);
            b_next[e] = kb < last ? of.b(fetched_i<EACH, Factors::B_ALONG_K>(e), kb) : REAL(0);
        }
    };
    fetch(first);
    for (Index start = first; start < last; start += DEPTH) {
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            a_step[fetched_k<EACH, Factors::A_ALONG_K>(e) * ROW + fetched_i<EACH, Factors::A_ALONG_K>(e)] = a_next[e];
            b_step[fetched_k<EACH, Factors::B_ALONG_K>(e) * ROW + fetched_i<EACH, Factors::B_ALONG_K>(e)] = b_next[e];
        }
        __syncthreads();
        if (start + DEPTH < last) fetch(start + DEPTH);
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            REAL a[EACH], b[EACH];
#pragma unroll
            for (int i = 0; i < EACH; i++) a[i] = a_step[k * ROW + own<EACH>(y, i)];
#pragma unroll
            for (int j = 0; j < EACH; j++) b[j] = b_step[k * ROW + own<EACH>(x, j)];
#pragma unroll
            for (int i = 0; i < EACH; i++)
#pragma unroll
                for (int j = 0; j < EACH; j++) sums[i][j] += a[i] * b[j];
        }
        __syncthreads();
    }
}
