#include "device.cuh"

// spans (O, 2): from where to where the weights (O, n) of each row are not 0; a warp for each row. A row of zeros has
// begin n and end 0.
extern "C" __global__ void find_spans(Global<const REAL> weights, Global<int> spans, Index O, Index n) {
    const int lane = threadIdx.x % 32;
    for (Index row = thread() / 32; row < O; row += threads() / 32) {
        int begin = (int)n, end = 0;
        for (int i = lane; i < n; i += 32)
            if (weights[row * n + i] != 0) {
                begin = min(begin, i);
                end = i + 1;
            }
        for (int distance = 16; distance > 0; distance /= 2) {
            begin = min(begin, __shfl_xor_sync(0xffffffffu, begin, distance));
            end = max(end, __shfl_xor_sync(0xffffffffu, end, distance));
        }
        if (lane == 0) {
            spans[2 * row] = begin;
            spans[2 * row + 1] = end;
        }
    }
}

// y[n, i, j, c] = sum_w columns[j, w] sum_h rows[i, h] x[n, h, w, c] over the weights that are not 0: x (N, H, W, C), rows
// (OH, H), columns (OW, W) -> y (N, OH, OW, C). A thread takes one result of an image: blockIdx.x and threadIdx.x count
// places and channels, channels fastest, and blockIdx.y images.
extern "C" __global__ void weighted_sums(
    Global<const REAL> x, Global<const REAL> rows, Global<const int> row_spans, Global<const REAL> columns,
    Global<const int> column_spans, Global<REAL> y, Index N, Index H_, Index W_, Index OH, Index OW_, Index C_
) {
    const int H = (int)H_, W = (int)W_, OW = (int)OW_, C = (int)C_;
    const int place = blockIdx.x * blockDim.x + threadIdx.x, outputs = (int)OH * OW * C;
    if (place >= outputs) return;
    const int c = place % C, j = place / C % OW, i = place / C / OW;
    const int top = row_spans[2 * i], bottom = row_spans[2 * i + 1];
    const int left = column_spans[2 * j], right = column_spans[2 * j + 1];
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        REAL total = 0;
        for (int w = left; w < right; w++) {
            const REAL of_column = columns[j * W + w];
            if (of_column == 0) continue;
            REAL between = 0;
            for (int h = top; h < bottom; h++) {
                const REAL of_row = rows[i * H + h];
                if (of_row != 0) between += of_row * x[((n * H + h) * W + w) * C + c];
            }
            total += of_column * between;
        }
        y[n * outputs + place] = total;
    }
}
