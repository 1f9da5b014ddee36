#include "device.cuh"

const int BITS = 22, HALF = 1 << (BITS - 1);  // weights are multiples of 2^-BITS

// y[n, i, j, c] = the number that the byte at (i, j) of view n has in channel c: images (M, H, W, C), order (S), of which
// the batch is the N entries from position[0] on, views (S, 8), or (1, 8) for all alike, down (H, rows, 1 + K) and across
// (W, cols, 1 + L), tones (C, 256) -> y (N, OH, OW, C). gather.py says what a view is, and a window. blockIdx.x and
// threadIdx.x count places and channels, blockIdx.y images.
extern "C" __global__ void gather_images(
    Global<const unsigned char> images, Global<const Index> order, Global<const Index> position,
    Global<const Index> views, Global<const int> down, Global<const int> across, Global<const REAL> tones,
    Global<REAL> y, Index alike, Index N, Index H, Index W, Index C, Index OH, Index OW, Index rows, Index cols,
    Index below, Index beside
) {
    const int place = blockIdx.x * blockDim.x + threadIdx.x, outputs = int(OH * OW * C);
    if (place >= outputs) return;
    const int channels = (int)C, c = place % channels, j = place / channels % (int)OW, i = place / channels / (int)OW;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        const Index sample = position[0] + n, view = alike ? 0 : 8 * sample;
        const int row = int(views[view + 4] + views[view + 5] * i), col = int(views[view + 6] + views[view + 7] * j);
        int byte = 0;
        if (row >= 0 && row < (int)rows && col >= 0 && col < (int)cols) {
            const Index window_down = ((views[view + 2] - 1) * rows + row) * (1 + below);
            const Index window_across = ((views[view + 3] - 1) * cols + col) * (1 + beside);
            const Index top = views[view] + down[window_down], left = views[view + 1] + across[window_across];
            const Index corner = ((order[sample] * H + top) * W + left) * C + c;
            int total = HALF;
            for (int k = 0; k < (int)below; k++) {
                const int weight = down[window_down + 1 + k];
                if (weight == 0) break;
                int mean = HALF;
                for (int l = 0; l < (int)beside; l++) {
                    const int share = across[window_across + 1 + l];
                    if (share == 0) break;
                    mean += share * images[corner + (k * (int)W + l) * channels];
                }
                total += weight * (mean >> BITS);
            }
            byte = total >> BITS;
        }
        y[n * outputs + place] = tones[c * 256 + byte];
    }
}

// y[n] = labels[order[position[0] + n]], N of them, and then position[0] moves on to the next batch: by N, or back to 0
// where that would be `end`. One block.
extern "C" __global__ void gather_labels(
    Global<const Index> labels, Global<const Index> order, Global<Index> position, Global<Index> y, Index N, Index end
) {
    const Index first = position[0];
    for (Index n = threadIdx.x; n < N; n += blockDim.x) y[n] = labels[order[first + n]];
    __syncthreads();
    if (threadIdx.x == 0) position[0] = first + N < end ? first + N : 0;
}
