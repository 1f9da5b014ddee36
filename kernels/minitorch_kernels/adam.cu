#include "device.cuh"

// The step of adam.py; a block takes a row of tasks (T, 6): number of elements, and where those of the parameter, its
// gradient, exp_avg, exp_avg_sq and, with `amsgrad`, max_exp_avg_sq begin. `fresh` = 1 - beta, `sign` -1 to maximize;
// weight decay is part of the gradient (`decay`) or shrinks the parameter (`shrink`). `like` says what REAL is.
extern "C" __global__ void adam_step(
    Global<const REAL> like, Global<const Index> tasks, Global<const double> numbers
) {
    const double step_size = numbers[0], beta1 = numbers[1], fresh1 = numbers[2], beta2 = numbers[3];
    const double fresh2 = numbers[4], root = numbers[5], eps = numbers[6], decay = numbers[7];
    const double shrink = numbers[8], sign = numbers[9];
    const bool amsgrad = numbers[10];
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
