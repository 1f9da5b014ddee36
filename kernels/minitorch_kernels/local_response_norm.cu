#include "device.cuh"
#include "columns.cuh"

// x is a matrix (M, C): rows are images and places, columns channels. A thread stays in its channel; the neighbours of
// its window were read by threads beside it, and lie in the cache.

// y = x / s^beta with s = k + slope (sum of x^2 over the channels c - before ... c + after).
extern "C" __global__ void normalise(
    Global<const REAL> x, Global<REAL> y, Global<REAL> s, Index before, Index after, double slope, double beta, double k,
    Index M, Index C
) {
    const Column column((int)C);
    if (!column.valid) return;
    const int first = max(0, column.c - (int)before), last = min((int)C - 1, column.c + (int)after);
    for (Index row = column.first_row(); row < M; row += column.row_step()) {
        const Global<const REAL> channels = x + row * C;
        REAL total = 0;
        for (int c = first; c <= last; c++) total += channels[c] * channels[c];
        total = REAL(k) + REAL(slope) * total;
        s[row * C + column.c] = total;
        y[row * C + column.c] = channels[column.c] * pow(total, -REAL(beta));
    }
}

// dx = dy s^-beta - factor x (sum of dy x s^(-beta - 1) over the channels c - before ... c + after).
extern "C" __global__ void normalise_grad(
    Global<const REAL> dy, Global<const REAL> x, Global<const REAL> s, Global<REAL> dx, Index before, Index after,
    double factor, double beta, Index M, Index C
) {
    const Column column((int)C);
    if (!column.valid) return;
    const int first = max(0, column.c - (int)before), last = min((int)C - 1, column.c + (int)after);
    for (Index row = column.first_row(); row < M; row += column.row_step()) {
        const Index start = row * C, at = start + column.c;
        REAL through_s = 0;
        for (int c = first; c <= last; c++) {
            const REAL scale = s[start + c];
            through_s += dy[start + c] * x[start + c] * pow(scale, -REAL(beta)) / scale;
        }
        dx[at] = dy[at] * pow(s[at], -REAL(beta)) - REAL(factor) * x[at] * through_s;
    }
}
