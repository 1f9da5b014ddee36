// Small kernels that use, or break, one rule of the simulator each: see test_simulator.py.
#include "device.cuh"
#include "copies.cuh"

extern "C" __global__ void double_each(Global<const REAL> x, Global<REAL> y, Index n) {
    for (Index i = thread(); i < n; i += threads()) y[i] = 2 * x[i];
}

extern "C" __global__ void read_behind(Global<const REAL> x, Global<REAL> y) { y[0] = x[thread() + 1]; }

extern "C" __global__ void read_before(Global<const REAL> x, Global<REAL> y) { y[0] = (x + 2)[-3]; }

// y[block] = the sum of the block's 64 numbers, by way of shared memory.
extern "C" __global__ void block_sums(Global<const REAL> x, Global<REAL> y) {
    SHARED(REAL, part, 64);
    part[threadIdx.x] = x[thread()];
    for (unsigned half = 32; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    }
    if (threadIdx.x == 0) y[blockIdx.x] = part[0];
}

// As block_sums without the barriers: what a thread reads depends on who ran before.
extern "C" __global__ void race(Global<const REAL> x, Global<REAL> y) {
    SHARED(REAL, part, 64);
    part[threadIdx.x] = x[thread()];
    y[thread()] = part[63 - threadIdx.x];
}

extern "C" __global__ void share_too_far(Global<REAL> y) {
    SHARED(REAL, part, 8);
    part[threadIdx.x] = 1;
    y[0] = part[0];
}

extern "C" __global__ void half_at_barrier(Global<REAL> y) {
    if (threadIdx.x % 2) __syncthreads();
}

extern "C" __global__ void lane_sums(Global<const REAL> x, Global<REAL> y) { y[thread()] = warp_sum(x[thread()]); }

// Neighbours and votes: y = the value one lane on, and how many lanes hold a positive number.
extern "C" __global__ void lanes(Global<const REAL> x, Global<REAL> next, Global<int> positive) {
    REAL value = x[thread()];
    next[thread()] = __shfl_down_sync(0xffffffffu, value, 1);
    positive[thread()] = __popc(__ballot_sync(0xffffffffu, value > 0));
}

extern "C" __global__ void half_a_warp_waits(Global<REAL> y) {
    if (threadIdx.x < 16) y[thread()] = __shfl_sync(0xffffffffu, REAL(1), 0);
}

// agreed = 1 for the vote that thread 5 spoils, plus 2 for one in which all agree.
extern "C" __global__ void two_votes(Global<REAL> unused, Global<int> agreed) {
    int first = __syncthreads_and(threadIdx.x != 5);
    int second = __syncthreads_and(true);
    agreed[thread()] = first + 2 * second;
}

// y = the block's 64 numbers backwards, each copied to shared memory by another thread; the first 4 are zeros.
extern "C" __global__ void copied(Global<const REAL> x, Global<REAL> y) {
    SHARED(REAL, part, 64);
    copy<1>(part, threadIdx.x, x, threadIdx.x < 4 ? -1 : (int)threadIdx.x);
    wait_for_copies();
    __syncthreads();
    y[threadIdx.x] = part[63 - threadIdx.x];
}

extern "C" __global__ void copied_without_waiting(Global<const REAL> x, Global<REAL> y) {
    SHARED(REAL, part, 64);
    copy<1>(part, threadIdx.x, x, threadIdx.x);
    __syncthreads();
    y[threadIdx.x] = part[63 - threadIdx.x];
}

// Four numbers at a time, in 16 threads, `by` numbers off.
extern "C" __global__ void copied_by_fours(Global<const REAL> x, Global<REAL> y, Index by) {
    SHARED(REAL, part, 64);
    copy<4>(part, 4 * threadIdx.x, x, 4 * threadIdx.x + by);
    wait_for_copies();
    __syncthreads();
    const Four four = four_of(part, 60 - 4 * threadIdx.x);
    for (int n = 0; n < 4; n++) y[4 * threadIdx.x + n] = four.value[n];
}
