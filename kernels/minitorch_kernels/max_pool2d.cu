#include "device.cuh"

// The largest value of the cells h = top, top + row_step ... < bottom and w = left, left + col_step ... < right of image
// n, channel c, and its place h W + w; of equal values the first, before all numbers the first NaN. Without any cell -inf
// and -1. x (N, H, W, C).
__device__ __forceinline__ void take_largest(
    Global<const REAL> x, REAL& best, int& index, int top, int bottom, int row_step, int left, int right, int col_step,
    Index image, int W, int C, int c
) {
    best = -REAL(__int_as_float(0x7f800000));  // minus infinity
    index = top < bottom && left < right ? top * W + left : -1;
    for (int h = top; h < bottom; h += row_step)
        for (int w = left; w < right; w += col_step) {
            const int position = h * W + w;
            const REAL value = x[image + (Index)position * C + c];
            if (!(value <= best) && best == best) {
                best = value;
                index = position;
            }
        }
}

// The first cell of the window that begins at `start`, which may lie in the padding.
__device__ __forceinline__ int first_cell(int start, int dilation) {
    return start < 0 ? start + (-start + dilation - 1) / dilation * dilation : start;
}

// x (N, H, W, C) -> y, indices (N, OH, OW, C). A thread takes one result of an image: blockIdx.x and threadIdx.x count
// places and channels, channels fastest, and blockIdx.y images.
extern "C" __global__ void max_strided(
    Global<const REAL> x, Global<REAL> y, Global<int> indices, Index H_, Index W_, Index OH, Index OW_, Index KH,
    Index KW, Index row_stride, Index col_stride, Index row_padding, Index col_padding, Index row_dilation,
    Index col_dilation, Index N, Index C_
) {
    const int H = (int)H_, W = (int)W_, OW = (int)OW_, C = (int)C_;
    const int place = blockIdx.x * blockDim.x + threadIdx.x, outputs = (int)OH * OW * C;
    if (place >= outputs) return;
    const int c = place % C, j = place / C % OW, i = place / C / OW;
    const int top = i * (int)row_stride - (int)row_padding, left = j * (int)col_stride - (int)col_padding;
    const int bottom = min(top + (int)(row_dilation * (KH - 1)) + 1, H);
    const int right = min(left + (int)(col_dilation * (KW - 1)) + 1, W);
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        REAL best;
        int index;
        take_largest(
            x, best, index, first_cell(top, (int)row_dilation), bottom, (int)row_dilation,
            first_cell(left, (int)col_dilation), right, (int)col_dilation, n * H * W * C, W, C, c
        );
        y[n * outputs + place] = best;
        indices[n * outputs + place] = index;
    }
}

// As max_strided, for windows from floor(i H / OH) to ceil((i + 1) H / OH) - 1.
extern "C" __global__ void max_adaptive(
    Global<const REAL> x, Global<REAL> y, Global<int> indices, Index H, Index W, Index OH, Index OW, Index N, Index C_
) {
    const int C = (int)C_;
    const int place = blockIdx.x * blockDim.x + threadIdx.x, outputs = (int)(OH * OW) * C;
    if (place >= outputs) return;
    const int c = place % C, j = place / C % (int)OW, i = place / C / (int)OW;
    const int top = (int)(i * H / OH), bottom = (int)(((i + 1) * H + OH - 1) / OH);
    const int left = (int)(j * W / OW), right = (int)(((j + 1) * W + OW - 1) / OW);
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        REAL best;
        int index;
        take_largest(x, best, index, top, bottom, 1, left, right, 1, n * H * W * C, (int)W, C, c);
        y[n * outputs + place] = best;
        indices[n * outputs + place] = index;
    }
}

// dx[n, k, c] = sum of dy[n, o, c] over the windows o with indices[n, o, c] = k: dy, indices (N, O, C) -> dx (N, cells, C).
//
// A thread owns one channel in a stretch of cells, neighbouring threads neighbouring channels. It looks through all
// windows in their order and adds those whose maximum stood in its stretch, so that no two threads write to one cell.
// Threads of one channel lie in one block as far as they fit, and find the indices in its cache.
extern "C" __global__ void scatter(
    Global<const REAL> dy, Global<const int> indices, Global<REAL> dx, Index N, Index windows, Index cells, Index C_,
    Index stretches_
) {
    const int C = (int)C_, stretches = (int)stretches_;
    const int stretch = (int)((cells + stretches - 1) / stretches);
    const int place = blockIdx.x * blockDim.x + threadIdx.x;
    if (place >= stretches * C) return;
    const int width = min(32, C), strip = place / (width * stretches), inside = place - strip * width * stretches;
    const int lanes = min(width, C - strip * width);  // channels of this strip
    const int c = strip * width + inside % lanes, begin = inside / lanes * stretch, end = min(begin + stretch, (int)cells);
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        const Global<REAL> out = dx + (n * cells * C + c);
        const Global<const int> index = indices + (n * windows * C + c);
        const Global<const REAL> value = dy + (n * windows * C + c);
        for (int k = begin; k < end; k++) out[(Index)k * C] = 0;
        for (int o = 0; o < (int)windows; o++) {
            const int k = index[(Index)o * C];
            if (begin <= k && k < end) out[(Index)k * C] += value[(Index)o * C];
        }
    }
}
