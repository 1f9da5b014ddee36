#include "device.cuh"
#include "columns.cuh"

// A block for each image, which reads it twice: once for the mean of the gray image, where the contrast needs it, after
// the changes that come before it, and once for the result. Products are rounded by themselves where a byte may depend
// on it.

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE };

struct Color {
    REAL channel[3];
};

// The changes of one image, the first one first.
struct Changes {
    int kind[4];
    REAL factor[4];
    REAL mean;  // of the gray image, when it is the contrast's turn
    int channels;
    bool whole;  // bytes

    __device__ REAL gray(const Color& x) const {
        if (channels == 1) return x.channel[0];
        const REAL red = whole ? REAL(19595) / 65536 : REAL(0.2989), green = whole ? REAL(38470) / 65536 : REAL(0.587);
        const REAL blue = whole ? REAL(7471) / 65536 : REAL(0.114);
        const REAL mixed = red * x.channel[0] + green * x.channel[1] + blue * x.channel[2];
        return whole ? floor(mixed + REAL(0.5)) : mixed;
    }

    // base + f (value - base), inside the range.
    __device__ REAL blended(REAL base, REAL f, REAL value) const {
        const REAL top = whole ? REAL(255) : REAL(1);
        value = base + rounded_product(f, value - base);
        value = value < 0 ? REAL(0) : value > top ? top : value;
        return whole ? floor(value) : value;
    }

    __device__ void turn_hue(Color& x, REAL turns) const {
        const double red = x.channel[0], green = x.channel[1], blue = x.channel[2], not_a_number = red + green + blue;
        const double high = max(max(red, green), blue), low = min(min(red, green), blue), span = high - low;
        const double divisor = span == 0 ? 1.0 : span;
        double section = 4 + (red - green) / divisor;
        if (high == green) section = 2 + (blue - red) / divisor;
        if (high == red) section = (green - blue) / divisor;
        section += rounded_product(6.0, double(turns));
#pragma unroll
        for (int c = 0; c < 3; c++) {
            const double away = section + (5 - 2 * c), place = away - rounded_product(6.0, floor(away / 6));
            const double part = max(min(min(place, 4 - place), 1.0), 0.0);
            double value = high - rounded_product(span, part);
            if (isnan(not_a_number) || isnan(place)) value = not_a_number + place;
            x.channel[c] = REAL(whole ? floor(value + 0.5) : value);
        }
    }

    // The changes until the turn of `until`, or all of them.
    __device__ void apply(Color& x, int until) const {
#pragma unroll
        for (int k = 0; k < 4; k++) {
            if (kind[k] == until) return;
            if (factor[k] == (kind[k] == HUE ? REAL(0) : REAL(1)) || (channels == 1 && kind[k] >= SATURATION)) continue;
            if (kind[k] == HUE) {
                turn_hue(x, factor[k]);
                continue;
            }
            const REAL base = kind[k] == BRIGHTNESS ? REAL(0) : kind[k] == CONTRAST ? mean : gray(x);
#pragma unroll
            for (int c = 0; c < 3; c++)
                if (c < channels) x.channel[c] = blended(base, factor[k], x.channel[c]);
        }
    }
};

// The pixel of images (..., C); 0 for channels that are not there.
template <class Pixel> __device__ __forceinline__ Color color_at(Global<const Pixel> images, Index pixel, int C) {
    Color x;
#pragma unroll
    for (int c = 0; c < 3; c++) x.channel[c] = c < C ? REAL(images[pixel * C + c]) : REAL(0);
    return x;
}

// images (N, P, C), C 1 or 3; factors (N, 4), order (N, 4) -> y (N, P, C).
template <class Pixel>
__device__ __forceinline__ void adjust(
    Global<const Pixel> images, Global<const REAL> factors, Global<const Index> order, Global<Pixel> y, bool whole,
    Index P, int C
) {
    const Index n = blockIdx.x;
    Changes changes;
    changes.channels = C;
    changes.whole = whole;
#pragma unroll
    for (int k = 0; k < 4; k++) {
        changes.kind[k] = (int)order[4 * n + k];
        changes.factor[k] = factors[4 * n + changes.kind[k]];
    }
    SHARED(double, mean, 1);
    if (factors[4 * n + CONTRAST] != 1) {
        double total = 0;
        for (Index p = threadIdx.x; p < P; p += blockDim.x) {
            Color x = color_at<Pixel>(images, n * P + p, C);
            changes.apply(x, CONTRAST);
            total += changes.gray(x);
        }
        total = fold(total, threadIdx.x, 1, THREADS) / double(P);
        if (threadIdx.x == 0) mean[0] = whole ? floor(total + 0.5) : total;
        __syncthreads();
        changes.mean = REAL(mean[0]);
    }
    for (Index p = threadIdx.x; p < P; p += blockDim.x) {
        Color x = color_at<Pixel>(images, n * P + p, C);
        changes.apply(x, -1);
#pragma unroll
        for (int c = 0; c < 3; c++)
            if (c < C) y[(n * P + p) * C + c] = Pixel(x.channel[c]);
    }
}

extern "C" __global__ void adjust_floats(
    Global<const REAL> images, Global<const REAL> factors, Global<const Index> order, Global<REAL> y, Index P, Index C
) {
    adjust<REAL>(images, factors, order, y, false, P, (int)C);
}

extern "C" __global__ void adjust_bytes(
    Global<const unsigned char> images, Global<const REAL> factors, Global<const Index> order, Global<unsigned char> y,
    Index P, Index C
) {
    adjust<unsigned char>(images, factors, order, y, true, P, (int)C);
}
