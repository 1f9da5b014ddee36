#include "device.cuh"
#include "columns.cuh"

// parts[c, p] = the sum of share p of the rows of dy (rows, C); parts (C, P), P = gridDim.y.
extern "C" __global__ void sum_shares(Global<const REAL> dy, Global<double> parts, Index rows, Index C) {
    const Column column((int)C);
    double sum = 0;
    if (column.valid)
        for (Index r = column.first_row(); r < rows; r += column.row_step()) sum += dy[r * C + column.c];
    sum = fold(sum, column.level, column.width, column.height);
    if (column.valid && column.level == 0) parts[(Index)column.c * gridDim.y + blockIdx.y] = sum;
}

// sums[c] = the sum of parts (C, P) over P; a warp for each channel.
extern "C" __global__ void sum_parts(Global<const double> parts, Global<REAL> sums, Index C, Index P) {
    const int lane = threadIdx.x % 32;
    for (Index c = thread() / 32; c < C; c += threads() / 32) {
        double sum = 0;
        for (Index p = lane; p < P; p += 32) sum += parts[c * P + p];
        sum = warp_sum(sum);
        if (lane == 0) sums[c] = REAL(sum);
    }
}
