// Copies from a GPU's memory into shared memory that go on while the thread computes. Included after device.cuh.
//
//     copy<4>(panel, to, from, at);    panel[to ...] = from[at ...], four numbers; zeros where at < 0
//     wait_for_copies();               this thread's have come; of other threads' that is known after a barrier
//
// From sm_80 on the copies pass no register (cp.async). Older GPUs, sm_75 among them, copy at once. On the simulator they
// happen at once where threads run in order, and as late as possible, in the wait, where they are shuffled: a kernel that
// overwrites what is still read, or forgets to wait, has other results in one of the two.
#pragma once

// Four neighbours, read and written together: at a multiple of four.
struct alignas(16) Four {
    REAL value[4];
};

#ifdef __CUDACC__

template <class Panel> __device__ __forceinline__ Four four_of(Panel& panel, int at) {
    return reinterpret_cast<const Four&>(panel[at]);
}
__device__ __forceinline__ bool starts_evenly(Global<const REAL> x) {  // are its multiples of four those of the memory?
    return reinterpret_cast<unsigned long long>(x) % 16 == 0;
}

template <int COUNT, class Panel>
__device__ __forceinline__ void copy(Panel& panel, int to, Global<const REAL> from, Index at) {
#if __CUDA_ARCH__ >= 800
    constexpr int BYTES = COUNT * sizeof(REAL), PIECE = BYTES < 16 ? BYTES : 16;
    const unsigned target = static_cast<unsigned>(__cvta_generic_to_shared(&panel[to]));
    const char* source = reinterpret_cast<const char*>(from + (at < 0 ? 0 : at));
#pragma unroll
    for (int done = 0; done < BYTES; done += PIECE)
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(target + done), "l"(source + done), "n"(PIECE),
                     "r"(at < 0 ? 0 : PIECE)
                     : "memory");
#else
    if constexpr (COUNT == 4) {
        reinterpret_cast<Four&>(panel[to]) = at < 0 ? Four{} : reinterpret_cast<const Four&>(from[at]);
    } else {
        panel[to] = at < 0 ? REAL(0) : from[at];
    }
#endif
}

__device__ __forceinline__ void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

#else

template <class Panel> Four four_of(Panel& panel, int at) {
    if (at % 4) sim::fail("four numbers of shared memory are read from %d on, which is no multiple of 4", at);
    return {panel[at], panel[at + 1], panel[at + 2], panel[at + 3]};
}
inline bool starts_evenly(Global<const REAL> x) { return reinterpret_cast<uintptr_t>(x.data) % 16 == 0; }

template <int COUNT, class Panel> void copy(Panel& panel, int to, Global<const REAL> from, Index at) {
    if (COUNT == 4 && (to % 4 || (at >= 0 && reinterpret_cast<uintptr_t>(&from[at]) % 16)))
        sim::fail("four numbers are copied from %lld to %d, which are not both multiples of 4", at, to);
    for (int n = 0; n < COUNT; n++) sim::copy_later(&panel[to + n], at < 0 ? nullptr : &from[at + n]);
}
inline void wait_for_copies() { sim::wait_for_copies(); }

#endif
