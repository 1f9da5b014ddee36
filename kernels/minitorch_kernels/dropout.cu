#include "device.cuh"

// y = x * scale where the mask is set, else x * 0, n elements: NaN and Inf give NaN there.
extern "C" __global__ void scale_kept(
    Global<const REAL> x, Global<const bool> mask, double scale, Global<REAL> y, Index n
) {
    const REAL kept = REAL(scale);
    for (Index i = thread(); i < n; i += threads()) y[i] = x[i] * (mask[i] ? kept : REAL(0));
}
