#include "device.cuh"

// The window of one output cell: it begins at input cell `first` of its stretch, counted from the stretch's own begin, and
// ends before `last`. Every product is rounded by itself, so that the weights are those of the reference to the last bit.
struct Triangle {
    double center, inverse_reach, total;
    int first, last;

    // Output cell j of `count` that a stretch of `length` cells becomes.
    __device__ Triangle(int j, int length, int count) {
        const double scale = double(length) / count, reach = scale > 1 ? scale : 1.0;
        center = rounded_product(j + 0.5, scale);
        inverse_reach = 1 / reach;
        first = max(int(center - reach + 0.5), 0);
        last = min(int(center + reach + 0.5), length);
        total = 0;
        for (int cell = first; cell < last; cell++) total += height(cell);
    }

    __device__ double height(int cell) const {
        const double distance = rounded_product(cell - center + 0.5, inverse_reach);
        const double below = 1 - (distance < 0 ? -distance : distance);
        return below > 0 ? below : 0.0;
    }

    // The weights of a window sum to 1; for bytes they are multiples of 2^-22.
    __device__ double weight(int cell, bool whole) const {
        const double w = height(cell) / total;
        return whole ? floor(w * 4194304 + 0.5) / 4194304 : w;
    }
};

__device__ __forceinline__ double rounded(double value, bool whole) { return whole ? floor(value + 0.5) : value; }

// First along W: between[n, h, j, c] = the mean under a triangle of row top + h of the box. images (N, H, W, C), boxes
// (N, 4): top, left, height, width -> between (N, H, OW, C), of which the box's `height` rows are written. blockIdx.x and
// threadIdx.x count places and channels, blockIdx.y images.
template <class Pixel>
__device__ __forceinline__ void across(
    Global<const Pixel> images, Global<const Index> boxes, Global<double> between, bool whole, Index N, int H, int W,
    int OW, int C
) {
    const int place = blockIdx.x * blockDim.x + threadIdx.x, outputs = H * OW * C;
    if (place >= outputs) return;
    const int c = place % C, j = place / C % OW, h = place / C / OW;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        const int top = (int)boxes[4 * n], left = (int)boxes[4 * n + 1];
        if (h >= (int)boxes[4 * n + 2]) continue;
        const Triangle triangle(j, (int)boxes[4 * n + 3], OW);
        double total = 0;
        for (int cell = triangle.first; cell < triangle.last; cell++) {
            const double weight = triangle.weight(cell, whole);
            if (weight != 0) total += weight * images[((n * H + top + h) * W + left + cell) * C + c];
        }
        between[n * outputs + place] = rounded(total, whole);
    }
}

// Then along H: between (N, H, OW, C) -> y (N, OH, OW, C).
template <class Pixel>
__device__ __forceinline__ void down(
    Global<const double> between, Global<const Index> boxes, Global<Pixel> y, bool whole, Index N, int H, int OH, int OW,
    int C
) {
    const int place = blockIdx.x * blockDim.x + threadIdx.x, outputs = OH * OW * C, row = OW * C;
    if (place >= outputs) return;
    const int i = place / row, inside = place % row;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        const Triangle triangle(i, (int)boxes[4 * n + 2], OH);
        double total = 0;
        for (int cell = triangle.first; cell < triangle.last; cell++) {
            const double weight = triangle.weight(cell, whole);
            if (weight != 0) total += weight * between[(n * H + cell) * row + inside];
        }
        y[n * outputs + place] = Pixel(rounded(total, whole));
    }
}

extern "C" __global__ void across_floats(
    Global<const REAL> images, Global<const Index> boxes, Global<double> between, Index N, Index H, Index W, Index OW,
    Index C
) {
    across<REAL>(images, boxes, between, false, N, (int)H, (int)W, (int)OW, (int)C);
}

extern "C" __global__ void across_bytes(
    Global<const unsigned char> images, Global<const Index> boxes, Global<double> between, Index N, Index H, Index W,
    Index OW, Index C
) {
    across<unsigned char>(images, boxes, between, true, N, (int)H, (int)W, (int)OW, (int)C);
}

extern "C" __global__ void down_floats(
    Global<const double> between, Global<const Index> boxes, Global<REAL> y, Index N, Index H, Index OH, Index OW,
    Index C
) {
    down<REAL>(between, boxes, y, false, N, (int)H, (int)OH, (int)OW, (int)C);
}

extern "C" __global__ void down_bytes(
    Global<const double> between, Global<const Index> boxes, Global<unsigned char> y, Index N, Index H, Index OH,
    Index OW, Index C
) {
    down<unsigned char>(between, boxes, y, true, N, (int)H, (int)OH, (int)OW, (int)C);
}
