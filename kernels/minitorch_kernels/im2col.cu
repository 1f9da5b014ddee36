#include "device.cuh"

// cols[n, oy, ox, c, ky, kx] = x[n, oy sy - py + ky dy, ox sx - px + kx dx, c], 0 outside; x channels-last.
extern "C" __global__ void gather_windows(
    Global<const REAL> x, Global<REAL> cols, Index n, int C, int H, int W, int KH, int KW, int OH, int OW, int sy, int sx,
    int py, int px, int dy, int dx
) {
    for (Index at = thread(); at < n; at += threads()) {
        int kx = at % KW, ky = at / KW % KH, c = at / (KW * KH) % C;
        Index window = at / ((Index)KW * KH * C);
        int ox = window % OW, oy = window / OW % OH;
        Index image = window / ((Index)OW * OH);
        int iy = oy * sy - py + ky * dy, ix = ox * sx - px + kx * dx;
        bool inside = 0 <= iy && iy < H && 0 <= ix && ix < W;
        cols[at] = inside ? x[((image * H + iy) * W + ix) * C + c] : REAL(0);
    }
}

// x[n, iy, ix, c] = Σ cols[n, oy, ox, c, ky, kx] over the windows and taps that meet at (iy, ix).
extern "C" __global__ void gather_taps(
    Global<const REAL> cols, Global<REAL> x, Index n, int C, int H, int W, int KH, int KW, int OH, int OW, int sy, int sx,
    int py, int px, int dy, int dx
) {
    for (Index at = thread(); at < n; at += threads()) {
        int c = at % C, ix = at / C % W, iy = at / ((Index)C * W) % H;
        Index image = at / ((Index)C * W * H);
        REAL sum = 0;
        for (int ky = 0; ky < KH; ky++)
            for (int kx = 0; kx < KW; kx++) {
                int top = iy + py - ky * dy, left = ix + px - kx * dx;
                if (top < 0 || left < 0 || top % sy || left % sx || top / sy >= OH || left / sx >= OW) continue;
                Index window = (image * OH + top / sy) * OW + left / sx;
                sum += cols[((window * C + c) * KH + ky) * KW + kx];
            }
        x[at] = sum;
    }
}
