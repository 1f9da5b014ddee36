#include "device.cuh"

// y = x + z, n elements.
extern "C" __global__ void add(Global<const REAL> x, Global<const REAL> z, Global<REAL> y, Index n) {
    for (Index i = thread(); i < n; i += threads()) y[i] = x[i] + z[i];
}

// total += x, n elements.
extern "C" __global__ void add_into(Global<REAL> total, Global<const REAL> x, Index n) {
    for (Index i = thread(); i < n; i += threads()) total[i] += x[i];
}
