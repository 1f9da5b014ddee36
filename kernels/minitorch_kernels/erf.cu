#include "device.cuh"

// y = erf x, n elements.
extern "C" __global__ void error_function(Global<const REAL> x, Global<REAL> y, Index n) {
    for (Index i = thread(); i < n; i += threads()) y[i] = erf(x[i]);
}
