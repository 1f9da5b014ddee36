#include "device.cuh"

// The windows along one axis: place k of window i is cell start(i) + k step. A stride of 0 says that the windows divide
// the axis as evenly as they can, from floor(i size / windows) to ceil((i + 1) size / windows) - 1.
struct Axis {
    int size, windows, kernel, stride, padding, step;

    __device__ __forceinline__ int start(int i) const {
        return stride ? i * stride - padding : int((Index)i * size / windows);
    }
    __device__ __forceinline__ int end(int i) const {
        return stride ? min(start(i) + step * (kernel - 1) + 1, size) : int(((Index)(i + 1) * size + windows - 1) / windows);
    }
    // The first place of a window that is not padding.
    __device__ __forceinline__ int first_place(int start) const { return start < 0 ? (step - 1 - start) / step : 0; }

    // Cell h lies between the ends of the windows first(h) .. last(h).
    __device__ __forceinline__ int first(int h) const {
        if (!stride) return int((Index)h * windows / size);
        const int before = h + padding - step * (kernel - 1) - 1;
        return before < 0 ? 0 : before / stride + 1;
    }
    __device__ __forceinline__ int last(int h) const {
        return stride ? min((h + padding) / stride, windows - 1) : int(((Index)(h + 1) * windows + size - 1) / size) - 1;
    }
};

// What every kernel takes behind its arrays, and the axes made of it.
#define WINDOWS                                                                                                   \
    Index H, Index W, Index OH, Index OW, Index KH, Index KW, Index row_stride, Index col_stride, Index row_padding, \
    Index col_padding, Index row_step, Index col_step, Index N, Index C
#define ROWS Axis{(int)H, (int)OH, (int)KH, (int)row_stride, (int)row_padding, (int)row_step}
#define COLS Axis{(int)W, (int)OW, (int)KW, (int)col_stride, (int)col_padding, (int)col_step}

// x (N, H, W, C) -> y, places (N, OH, OW, C): the largest value of each window and its place kh KW + kw; of equal values
// the first, before all numbers the first NaN. Without any cell -inf and `none`. A thread takes one result of an image:
// blockIdx.x and threadIdx.x count results, channels fastest, and blockIdx.y images.
template <class Place>
__device__ __forceinline__ void take_largest(
    Global<const REAL> x, Global<REAL> y, Global<Place> places, Axis rows, Axis cols, Place none, Index N, int C
) {
    const int result = blockIdx.x * blockDim.x + threadIdx.x, results = rows.windows * cols.windows * C;
    if (result >= results) return;
    const int c = result % C, j = result / C % cols.windows, i = result / C / cols.windows;
    const int top = rows.start(i), bottom = rows.end(i), left = cols.start(j), right = cols.end(j);
    const int first_row = rows.first_place(top), first_col = cols.first_place(left);
    const bool empty = top + first_row * rows.step >= bottom || left + first_col * cols.step >= right;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        const Index image = n * rows.size * cols.size * C + c;
        REAL best = -REAL(__int_as_float(0x7f800000));  // minus infinity
        Place place = empty ? none : Place(first_row * cols.kernel + first_col);
        for (int kh = first_row; top + kh * rows.step < bottom; kh++)
            for (int kw = first_col; left + kw * cols.step < right; kw++) {
                const Index cell = (Index)(top + kh * rows.step) * cols.size + left + kw * cols.step;
                const REAL value = x[image + cell * C];
                if (!(value <= best) && best == best) {
                    best = value;
                    place = Place(kh * cols.kernel + kw);
                }
            }
        y[n * results + result] = best;
        places[n * results + result] = place;
    }
}

extern "C" __global__ void largest(Global<const REAL> x, Global<REAL> y, Global<unsigned char> places, WINDOWS) {
    take_largest<unsigned char>(x, y, places, ROWS, COLS, 255, N, (int)C);
}

extern "C" __global__ void largest_wide(Global<const REAL> x, Global<REAL> y, Global<int> places, WINDOWS) {
    take_largest<int>(x, y, places, ROWS, COLS, 0x7fffffff, N, (int)C);
}

// dx = sum of dy over the windows whose largest value stood in each cell: dy, places (N, OH, OW, C) -> dx (N, H, W, C). A
// thread takes one cell of an image, as above, and looks at the few windows that hold it.
template <class Place>
__device__ __forceinline__ void take_chosen(
    Global<const REAL> dy, Global<const Place> places, Global<REAL> dx, Axis rows, Axis cols, Index N, int C
) {
    const int result = blockIdx.x * blockDim.x + threadIdx.x, results = rows.size * cols.size * C;
    if (result >= results) return;
    const int c = result % C, w = result / C % cols.size, h = result / C / cols.size;
    const int top = rows.first(h), bottom = rows.last(h), left = cols.first(w), right = cols.last(w);
    const Index image = (Index)rows.windows * cols.windows * C;
    for (Index n = blockIdx.y; n < N; n += gridDim.y) {
        REAL total = 0;
        for (int i = top; i <= bottom; i++)
            for (int j = left; j <= right; j++) {
                const int down = h - rows.start(i), across = w - cols.start(j);
                if (down % rows.step || across % cols.step) continue;
                const Index window = n * image + (Index)(i * cols.windows + j) * C + c;
                if (places[window] == Place(down / rows.step * cols.kernel + across / cols.step)) total += dy[window];
            }
        dx[n * results + result] = total;
    }
}

extern "C" __global__ void gather(
    Global<const REAL> dy, Global<const unsigned char> places, Global<REAL> dx, WINDOWS
) {
    take_chosen<unsigned char>(dy, places, dx, ROWS, COLS, N, (int)C);
}

extern "C" __global__ void gather_wide(Global<const REAL> dy, Global<const int> places, Global<REAL> dx, WINDOWS) {
    take_chosen<int>(dy, places, dx, ROWS, COLS, N, (int)C);
}
