#include "device.cuh"

// The step of sgd.py; a block takes a row of tasks (T, 4): number of elements, and where those of the parameter, of its
// gradient and of the momentum buffer begin. `fresh` is 1 - dampening, `sign` -1 to maximize; `first` never reads the
// buffer. `like` says what REAL is.
extern "C" __global__ void sgd_step(
    Global<const REAL> like, Global<const Index> tasks, Global<const double> numbers
) {
    const double lr = numbers[0], momentum = numbers[1], fresh = numbers[2], decay = numbers[3];
    const double sign = numbers[4];
    const bool nesterov = numbers[5], has_buffer = numbers[6], first = numbers[7];
    const Global<const Index> task = tasks + (Index)blockIdx.x * 4;
    const int count = (int)task[0];
    const Global<REAL> p = array_at<REAL>(task[1], count), buffer = array_at<REAL>(task[3], count);
    const Global<const REAL> g = array_at<const REAL>(task[2], count);
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
        REAL d = REAL(sign) * g[i];
        if (decay != 0) d += REAL(decay) * p[i];
        if (has_buffer) {
            const REAL velocity = first ? d : REAL(momentum) * buffer[i] + REAL(fresh) * d;
            buffer[i] = velocity;
            d = nesterov ? d + REAL(momentum) * velocity : velocity;
        }
        p[i] -= REAL(lr) * d;
    }
}
