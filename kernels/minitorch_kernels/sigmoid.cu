#include "device.cuh"

// y = 1 / (1 + e^-x), n elements; where e^-x is Inf, the result is 0.
extern "C" __global__ void sigmoid(Global<const REAL> x, Global<REAL> y, Index n) {
    for (Index i = thread(); i < n; i += threads()) y[i] = 1 / (1 + exp(-x[i]));
}

// dx = dy y (1 - y), n elements.
extern "C" __global__ void sigmoid_grad(Global<const REAL> dy, Global<const REAL> y, Global<REAL> dx, Index n) {
    for (Index i = thread(); i < n; i += threads()) dx[i] = dy[i] * (y[i] * (1 - y[i]));
}
