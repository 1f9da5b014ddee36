#include "device.cuh"

// y[n, i, j, c] = images[n, rows[n, i], cols[n, j], c], and fill[c] where one of the two is -1: images (N, H, W, C), rows
// (N, OH), cols (N, OW) -> y (N, OH, OW, C). blockIdx.x and threadIdx.x count places and channels, blockIdx.y images.
template <class Pixel>
__device__ __forceinline__ void take(
    Global<const Pixel> images, Global<const Index> rows, Global<const Index> cols, Global<const Pixel> fill,
    Global<Pixel> y, Index N, Index H, Index W, int OH, int OW, int C
) {
    const int place = blockIdx.x * blockDim.x + threadIdx.x, outputs = OH * OW * C;
    if (place >= outputs) return;
    const int c = place % C, j = place / C % OW, i = place / C / OW;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        const Index row = rows[n * OH + i], col = cols[n * OW + j];
        y[n * outputs + place] = row < 0 || col < 0 ? fill[c] : images[((n * H + row) * W + col) * C + c];
    }
}

extern "C" __global__ void take_floats(
    Global<const REAL> images, Global<const Index> rows, Global<const Index> cols, Global<const REAL> fill,
    Global<REAL> y, Index N, Index H, Index W, Index OH, Index OW, Index C
) {
    take<REAL>(images, rows, cols, fill, y, N, H, W, (int)OH, (int)OW, (int)C);
}

extern "C" __global__ void take_bytes(
    Global<const unsigned char> images, Global<const Index> rows, Global<const Index> cols,
    Global<const unsigned char> fill, Global<unsigned char> y, Index N, Index H, Index W, Index OH, Index OW, Index C
) {
    take<unsigned char>(images, rows, cols, fill, y, N, H, W, (int)OH, (int)OW, (int)C);
}
