#include "device.cuh"

// out[i] = 0 where gate[i] <= 0, else value[i]; n elements. NaN lets the value through.
extern "C" __global__ void rectify(Global<const REAL> gate, Global<const REAL> value, Global<REAL> out, Index n) {
    for (Index i = thread(); i < n; i += threads()) out[i] = gate[i] <= 0 ? REAL(0) : value[i];
}
