#include "device.cuh"

// words = the four numbers that Philox4x32-10 makes of a counter and a key: each depends on all of both, so that
// counting up gives random numbers. Ten rounds of two products, whose halves change places.
__device__ __forceinline__ void philox(Index block, unsigned long long draw, unsigned long long key, unsigned (&words)[4]) {
    unsigned a = unsigned(block), b = unsigned(block >> 32), c = unsigned(draw), d = unsigned(draw >> 32);
    unsigned left = unsigned(key), right = unsigned(key >> 32);
    for (int round = 0; round < 10; round++) {
        const unsigned low = 0xD2511F53u * a, high = __umulhi(0xD2511F53u, a);
        const unsigned low2 = 0xCD9E8D57u * c, high2 = __umulhi(0xCD9E8D57u, c);
        a = high2 ^ b ^ left;
        b = low2;
        c = high ^ d ^ right;
        d = low;
        left += 0x9E3779B9u;
        right += 0xBB67AE85u;
    }
    words[0] = a, words[1] = b, words[2] = c, words[3] = d;
}

// key = state = (seed, number of the draw), and state counts one draw more. One thread.
extern "C" __global__ void take_key(Global<Index> state, Global<Index> key) {
    key[0] = state[0];
    key[1] = state[1];
    state[1] = state[1] + 1;
}

// y = x * scale where the random word of an element is at least `threshold`, else x * 0; n elements, key (2,).
// A thread makes four words. They serve places 32 apart, so that neighbouring threads take neighbouring elements: word
// `part` of block 32 g + lane is that of element 128 g + 32 part + lane.
extern "C" __global__ void drop_at_random(
    Global<const REAL> x, Global<const Index> key, Index threshold, double scale, Global<REAL> y, Index n
) {
    const REAL kept = REAL(scale);
    const unsigned long long seed = key[0], draw = key[1];
    for (Index block = thread(); block / 32 * 128 < n; block += threads()) {
        unsigned words[4];
        philox(block, draw, seed, words);
        for (int part = 0; part < 4; part++) {
            const Index i = block / 32 * 128 + 32 * part + block % 32;
            if (i < n) y[i] = x[i] * (Index(words[part]) >= threshold ? kept : REAL(0));
        }
    }
}
