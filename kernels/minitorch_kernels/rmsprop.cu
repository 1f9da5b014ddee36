#include "device.cuh"

// The step of rmsprop.py; a block takes a row of tasks (T, 6): number of elements, and where those of the parameter, its
// gradient, square_avg, momentum_buffer and grad_avg begin. `fresh` = 1 - alpha, `sign` -1 to maximize. `like` says what
// REAL is.
extern "C" __global__ void rmsprop_step(
    Global<const REAL> like, Global<const Index> tasks, Global<const double> numbers
) {
    const double lr = numbers[0], alpha = numbers[1], fresh = numbers[2], eps = numbers[3], decay = numbers[4];
    const double momentum = numbers[5], sign = numbers[6];
    const bool has_buffer = numbers[7], centered = numbers[8];
    const Global<const Index> task = tasks + (Index)blockIdx.x * 6;
    const int count = (int)task[0];
    const Global<REAL> p = array_at<REAL>(task[1], count), v = array_at<REAL>(task[3], count);
    const Global<REAL> buffer = array_at<REAL>(task[4], count), mean = array_at<REAL>(task[5], count);
    const Global<const REAL> g = array_at<const REAL>(task[2], count);
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        REAL d = REAL(sign) * g[i];
        if (decay != 0) d += REAL(decay) * p[i];
        REAL variance = REAL(alpha) * v[i] + REAL(fresh) * d * d;
        v[i] = variance;
        if (centered) {
            const REAL average = REAL(alpha) * mean[i] + REAL(fresh) * d;
            mean[i] = average;
            variance -= average * average;
        }
        REAL update = d / (sqrt(variance) + REAL(eps));
        if (has_buffer) {
            update += REAL(momentum) * buffer[i];
            buffer[i] = update;
        }
        p[i] -= REAL(lr) * update;
    }
}
