#include "device.cuh"

// y = tanh x, n elements.
extern "C" __global__ void hyperbolic_tangent(Global<const REAL> x, Global<REAL> y, Index n) {
    for (Index i = thread(); i < n; i += threads()) y[i] = tanh(x[i]);
}

// dx = dy (1 - y^2), n elements.
extern "C" __global__ void tanh_grad(Global<const REAL> dy, Global<const REAL> y, Global<REAL> dx, Index n) {
    for (Index i = thread(); i < n; i += threads()) dx[i] = dy[i] * (1 - y[i] * y[i]);
}
