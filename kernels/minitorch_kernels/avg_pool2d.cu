#include "device.cuh"

// Images are stored channels-last. A thread takes one result of an image: blockIdx.x and threadIdx.x count places and
// channels, channels fastest, and blockIdx.y images.

enum { NONE, RELU, SIGMOID, TANH };  // the numbers of activation.py

__device__ __forceinline__ REAL activated(REAL x, int activation) {
    switch (activation) {
    case RELU: return x <= 0 ? REAL(0) : x;
    case SIGMOID: return 1 / (1 + exp(-x));
    case TANH: return tanh(x);
    default: return x;
    }
}

// dx times the slope of the activation whose output is a; the ReLU's input does as well as its output.
__device__ __forceinline__ REAL times_slope(REAL dx, REAL a, int activation) {
    switch (activation) {
    case RELU: return a <= 0 ? REAL(0) : dx;
    case SIGMOID: return dx * (a * (1 - a));
    case TANH: return dx * (1 - a * a);
    default: return dx;
    }
}

// The windows along one axis: window i holds the cells begin(i) .. end(i) - 1, and cells(i) of them count; cell h lies
// in the windows first(h) .. last(h).
struct Strided {
    int size, windows, kernel, stride, padding;
    bool include_pad;
    __device__ int begin(int i) const { return max(i * stride - padding, 0); }
    __device__ int end(int i) const { return min(i * stride - padding + kernel, size); }
    __device__ int cells(int i) const {
        return include_pad ? min(kernel, size + 2 * padding - i * stride) : end(i) - begin(i);
    }
    __device__ int first(int h) const { return h + padding < kernel ? 0 : (h + padding - kernel) / stride + 1; }
    __device__ int last(int h) const { return min((h + padding) / stride, windows - 1); }
};

// Window i of an adaptive pooling begins at floor(i size / windows) and ends before ceil((i + 1) size / windows).
struct Adaptive {
    int size, windows;
    __device__ int begin(int i) const { return int((Index)i * size / windows); }
    __device__ int end(int i) const { return int(((Index)(i + 1) * size + windows - 1) / windows); }
    __device__ int cells(int i) const { return end(i) - begin(i); }
    __device__ int first(int h) const { return int((Index)h * windows / size); }
    __device__ int last(int h) const { return int(((Index)(h + 1) * windows + size - 1) / size) - 1; }
};

// y = sum of activation(x) over each window / divisor, or over the number of cells if that is 0: x (N, H, W, C)
// -> y (N, OH, OW, C), and activation(x) in `kept` if `keep`. A row of a window is added up in REAL, the rows in double.
template <class Windows>
__device__ __forceinline__ void average(
    Global<const REAL> x, Global<REAL> y, Global<REAL> kept, bool keep, int activation, Windows rows, Windows cols,
    int divisor, Index N, int C
) {
    const int place = blockIdx.x * blockDim.x + threadIdx.x, outputs = rows.windows * cols.windows * C;
    if (place >= outputs) return;
    const int c = place % C, j = place / C % cols.windows, i = place / C / cols.windows;
    const int top = rows.begin(i), bottom = rows.end(i), left = cols.begin(j), right = cols.end(j);
    const REAL count = divisor ? REAL(divisor) : REAL(rows.cells(i)) * REAL(cols.cells(j));
    const Index image = (Index)rows.size * cols.size * C;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        double total = 0;
        for (int h = top; h < bottom; h++) {
            REAL of_row = 0;
            for (int w = left; w < right; w++) {
                const Index at = n * image + (h * cols.size + w) * C + c;
                const REAL a = activated(x[at], activation);
                if (keep) kept[at] = a;
                of_row += a;
            }
            total += of_row;
        }
        y[n * outputs + place] = REAL(total) / count;
    }
}

// dx = sum of dy / divisor over the windows that hold each cell, times the slope at a where there is an activation:
// dy (N, OH, OW, C), a (N, H, W, C) -> dx (N, H, W, C).
template <class Windows>
__device__ __forceinline__ void spread(
    Global<const REAL> dy, Global<const REAL> a, Global<REAL> dx, int activation, Windows rows, Windows cols,
    int divisor, Index N, int C
) {
    const int place = blockIdx.x * blockDim.x + threadIdx.x, cells = rows.size * cols.size * C;
    if (place >= cells) return;
    const int c = place % C, w = place / C % cols.size, h = place / C / cols.size;
    const int top = rows.first(h), bottom = rows.last(h), left = cols.first(w), right = cols.last(w);
    const Index image = (Index)rows.windows * cols.windows * C;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        double total = 0;
        for (int i = top; i <= bottom; i++) {
            REAL of_row = 0;
            for (int j = left; j <= right; j++) {
                const REAL count = divisor ? REAL(divisor) : REAL(rows.cells(i)) * REAL(cols.cells(j));
                of_row += dy[n * image + (i * cols.windows + j) * C + c] / count;
            }
            total += of_row;
        }
        const REAL sum = REAL(total);
        dx[n * cells + place] = activation ? times_slope(sum, a[n * cells + place], activation) : sum;
    }
}

extern "C" __global__ void average_strided(
    Global<const REAL> x, Global<REAL> y, Global<REAL> kept, Index keep, Index activation, Index H, Index W, Index OH,
    Index OW, Index KH, Index KW, Index row_stride, Index col_stride, Index top, Index left, Index include_pad,
    Index divisor, Index N, Index C
) {
    const Strided rows = {(int)H, (int)OH, (int)KH, (int)row_stride, (int)top, include_pad != 0};
    const Strided cols = {(int)W, (int)OW, (int)KW, (int)col_stride, (int)left, include_pad != 0};
    average(x, y, kept, keep != 0, (int)activation, rows, cols, (int)divisor, N, (int)C);
}

extern "C" __global__ void spread_strided(
    Global<const REAL> dy, Global<const REAL> a, Global<REAL> dx, Index activation, Index H, Index W, Index OH,
    Index OW, Index KH, Index KW, Index row_stride, Index col_stride, Index top, Index left, Index include_pad,
    Index divisor, Index N, Index C
) {
    const Strided rows = {(int)H, (int)OH, (int)KH, (int)row_stride, (int)top, include_pad != 0};
    const Strided cols = {(int)W, (int)OW, (int)KW, (int)col_stride, (int)left, include_pad != 0};
    spread(dy, a, dx, (int)activation, rows, cols, (int)divisor, N, (int)C);
}

extern "C" __global__ void average_adaptive(
    Global<const REAL> x, Global<REAL> y, Index H, Index W, Index OH, Index OW, Index N, Index C
) {
    average(x, y, y, false, NONE, Adaptive{(int)H, (int)OH}, Adaptive{(int)W, (int)OW}, 0, N, (int)C);
}

extern "C" __global__ void spread_adaptive(
    Global<const REAL> dy, Global<REAL> dx, Index H, Index W, Index OH, Index OW, Index N, Index C
) {
    spread(dy, dy, dx, NONE, Adaptive{(int)H, (int)OH}, Adaptive{(int)W, (int)OW}, 0, N, (int)C);
}
