#include "device.cuh"

// The step of adagrad.py; a block takes a row of tasks (T, 4): number of elements, and where those of the parameter, its
// gradient and the sum of squares begin. `sign` is -1 to maximize. `like` says what REAL is.
extern "C" __global__ void adagrad_step(
    Global<const REAL> like, Global<const Index> tasks, Global<const double> numbers
) {
    const double lr = numbers[0], eps = numbers[1], decay = numbers[2], sign = numbers[3];
    const Global<const Index> task = tasks + (Index)blockIdx.x * 4;
    const int count = (int)task[0];
    const Global<REAL> p = array_at<REAL>(task[1], count), s = array_at<REAL>(task[3], count);
    const Global<const REAL> g = array_at<const REAL>(task[2], count);
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        REAL d = REAL(sign) * g[i];
        if (decay != 0) d += REAL(decay) * p[i];
        const REAL total = s[i] + d * d;
        s[i] = total;
        p[i] -= REAL(lr) * d / (sqrt(total) + REAL(eps));
    }
}
