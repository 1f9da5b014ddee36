#include "device.cuh"

// y[v] = the sum of rows[order[k]] for starts[v] <= k < starts[v + 1], in that order; rows (n, D), y (V, D).
// A thread makes one number and reads what it needs, so that nothing is added by two threads at once.
extern "C" __global__ void add_rows(
    Global<const REAL> rows, Global<const Index> order, Global<const Index> starts, Global<REAL> y, Index V, Index D
) {
    for (Index i = thread(); i < V * D; i += threads()) {
        const Index v = i / D, d = i % D, end = starts[v + 1];
        REAL sum = 0;
        for (Index k = starts[v]; k < end; k++) sum += rows[order[k] * D + d];
        y[i] = sum;
    }
}
