#include "device.cuh"

// The step of adam.py; a block takes a row of tasks (T, 6): number of elements, and where those of the parameter, its
// gradient, exp_avg, exp_avg_sq and, with `amsgrad`, max_exp_avg_sq begin. `fresh` = 1 - beta, `sign` -1 to maximize;
// weight decay is part of the gradient (`decay`) or shrinks the parameter (`shrink`). `like` says what REAL is.
extern "C" __global__ void adam_step(
    Global<const REAL> like, Global<const Index> tasks, double step_size, double beta1, double fresh1, double beta2,
    double fresh2, double root, double eps, double decay, double shrink, double sign, Index amsgrad
) {
    const Global<const Index> task = tasks + (Index)blockIdx.x * 6;
    const int count = (int)task[0];
    const Global<REAL> p = array_at<REAL>(task[1], count), m = array_at<REAL>(task[3], count);
    const Global<REAL> v = array_at<REAL>(task[4], count), largest = array_at<REAL>(task[5], count);
    const Global<const REAL> g = array_at<const REAL>(task[2], count);
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        const REAL parameter = p[i];
        REAL d = REAL(sign) * g[i];
        if (decay != 0) d += REAL(decay) * parameter;
        const REAL first = REAL(beta1) * m[i] + REAL(fresh1) * d;
        REAL second = REAL(beta2) * v[i] + REAL(fresh2) * d * d;
        m[i] = first;
        v[i] = second;
        if (amsgrad) {
            const REAL before = largest[i];
            if (!(second > before || isnan(second))) second = before;  // a NaN in either stays
            largest[i] = second;
        }
        REAL update = REAL(step_size) * first / (sqrt(second) / REAL(root) + REAL(eps));
        if (shrink != 0) update += REAL(shrink) * parameter;
        p[i] = parameter - update;
    }
}
