#include "device.cuh"

// sum[i] = Σ_part partial[part, i]; n numbers in each part. Eight threads, 32 apart, share the parts of a number out:
// each adds every eighth, and their sums are added in order.
extern "C" __global__ void __launch_bounds__(256) add_parts(Global<const REAL> partial, Index parts, Global<REAL> sum, Index n) {
    SHARED(REAL, shares, 256);
    const int lane = threadIdx.x % 32, level = threadIdx.x / 32;
    const Index i = (Index)blockIdx.x * 32 + lane;
    REAL total = 0;
    for (Index part = level; i < n && part < parts; part += 8) total += partial[part * n + i];
    shares[threadIdx.x] = total;
    __syncthreads();
    if (level > 0 || i >= n) return;
    for (int other = 1; other < 8; other++) total += shares[other * 32 + lane];
    sum[i] = total;
}
