#include "device.cuh"

// The step of adadelta.py; a block takes a row of tasks (T, 5): number of elements, and where those of the parameter,
// its gradient, square_avg and acc_delta begin. `fresh` = 1 - rho, `sign` -1 to maximize. `like` says what REAL is.
extern "C" __global__ void adadelta_step(
    Global<const REAL> like, Global<const Index> tasks, Global<const double> numbers
) {
    const double lr = numbers[0], rho = numbers[1], fresh = numbers[2], eps = numbers[3], decay = numbers[4];
    const double sign = numbers[5];
    const Global<const Index> task = tasks + (Index)blockIdx.x * 5;
    const int count = (int)task[0];
    const Global<REAL> p = array_at<REAL>(task[1], count), v = array_at<REAL>(task[3], count);
    const Global<REAL> u = array_at<REAL>(task[4], count);
    const Global<const REAL> g = array_at<const REAL>(task[2], count);
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        REAL d = REAL(sign) * g[i];
        if (decay != 0) d += REAL(decay) * p[i];
        const REAL second = REAL(rho) * v[i] + REAL(fresh) * d * d;
        const REAL delta = sqrt(u[i] + REAL(eps)) / sqrt(second + REAL(eps)) * d;
        v[i] = second;
        u[i] = REAL(rho) * u[i] + REAL(fresh) * delta * delta;
        p[i] -= REAL(lr) * delta;
    }
}
