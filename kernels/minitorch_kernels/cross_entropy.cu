#include "device.cuh"

// A warp for each sample, its lanes for neighbouring classes. A target that is none of the K classes, and not
// ignore_index either, gives NaN: a kernel cannot raise an error.

__device__ __forceinline__ REAL warp_max(REAL value) {
    for (int distance = 16; distance > 0; distance /= 2) {
        const REAL other = __shfl_xor_sync(0xffffffffu, value, distance);
        value = value > other ? value : other;
    }
    return value;
}

__device__ __forceinline__ REAL nan_unless(bool fine) {
    const REAL zero = 0;
    return fine ? zero : zero / zero;
}

// loss = -(1 - e) w_y log p_y - e/K sum_k w_k log p_k: logits (N, K), target (N), weight (K) or any array without
// `weighted`; hard = 1 - e, soft = e/K -> losses (N), sample_weights (N), p (N, K).
extern "C" __global__ void losses_and_softmax(
    Global<const REAL> logits, Global<const Index> target, Global<const REAL> weight, Index weighted, Index ignore_index,
    double hard, double soft, Global<REAL> losses, Global<REAL> sample_weights, Global<REAL> p, Index N, Index K
) {
    const int lane = threadIdx.x % 32;
    for (Index n = thread() / 32; n < N; n += threads() / 32) {
        REAL peak = logits[n * K];
        for (Index k = lane; k < K; k += 32) peak = logits[n * K + k] > peak ? logits[n * K + k] : peak;
        peak = warp_max(peak);
        REAL total = 0;
        for (Index k = lane; k < K; k += 32) total += exp(logits[n * K + k] - peak);
        const REAL log_total = log(warp_sum(total));
        REAL smooth = 0;
        for (Index k = lane; k < K; k += 32) {
            const REAL log_p = (logits[n * K + k] - peak) - log_total;
            p[n * K + k] = exp(log_p);
            if (soft != 0) smooth += (weighted ? weight[k] : REAL(1)) * log_p;
        }
        smooth = warp_sum(smooth);
        if (lane == 0) {
            const bool counted = target[n] != ignore_index, known = target[n] >= 0 && target[n] < K;
            const Index y = known ? target[n] : 0;
            const REAL of_label = weighted ? weight[y] : REAL(1);
            REAL loss = -REAL(hard) * of_label * ((logits[n * K + y] - peak) - log_total);
            loss -= REAL(soft) * smooth;
            losses[n] = counted ? loss + nan_unless(known) : REAL(0);
            sample_weights[n] = counted ? of_label + nan_unless(known) : REAL(0);
        }
    }
}

// dlogits = dlog_p - p sum_k dlog_p_k, with dlog_p = -dloss (hard w_y [k = y] + soft w_k), 0 for samples that do not
// count: dlosses (N), p (N, K), the rest as above -> dlogits (N, K).
extern "C" __global__ void gradient(
    Global<const REAL> dlosses, Global<const REAL> p, Global<const Index> target, Global<const REAL> weight,
    Index weighted, Index ignore_index, double hard, double soft, Global<REAL> dlogits, Index N, Index K
) {
    const int lane = threadIdx.x % 32;
    for (Index n = thread() / 32; n < N; n += threads() / 32) {
        const Index y = target[n];
        const bool counted = y != ignore_index, known = y >= 0 && y < K;
        const REAL dloss = counted ? dlosses[n] + nan_unless(known) : REAL(0);
        REAL total = 0;
        for (int sum = 1; sum >= 0; sum--) {  // first the sum over the classes, then the results, which need it
            for (Index k = lane; k < K; k += 32) {
                const REAL w = weighted ? weight[k] : REAL(1);
                REAL dlog_p = k == y || !known ? -REAL(hard) * w * dloss : REAL(0);
                if (soft != 0) dlog_p -= REAL(soft) * w * dloss;
                if (!counted) dlog_p = 0;
                if (sum) total += dlog_p;
                else dlogits[n * K + k] = dlog_p - p[n * K + k] * total;
            }
            if (sum) total = warp_sum(total);
        }
    }
}
