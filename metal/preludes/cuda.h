// Metal's vocabulary on CUDA: a simdgroup is a warp, a threadgroup a block. MLX has included
// cuda_fp16.h, cuda_bf16.h and cooperative_groups.h before this text.
#define MSL_FUNCTION __device__ __forceinline__
#define MSL_THREADGROUP_ARRAY(T, name, ...) __shared__ T name __VA_ARGS__
#define MSL_PROGRAM_TABLE __constant__ const
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif

namespace metal {
typedef unsigned int uint;
typedef unsigned short ushort;
typedef unsigned char uchar;
typedef ::__half half;
typedef ::__nv_bfloat16 bfloat;
typedef half float16_t;
typedef bfloat bfloat16_t;
}  // namespace metal
#include "vocabulary.h"
#include "matrices.h"

namespace metal {

constexpr unsigned MSL_ALL_LANES = 0xffffffffu;

MSL_FUNCTION uint msl_lane() {
  uint lane;
  asm("mov.u32 %0, %%laneid;" : "=r"(lane));
  return lane;
}
MSL_FUNCTION void threadgroup_barrier(mem_flags) { __syncthreads(); }
MSL_FUNCTION void simdgroup_barrier(mem_flags) { __syncwarp(); }

#define MSL_SHUFFLE(name, intrinsic)                                           \
  template <typename T>                                                        \
  MSL_FUNCTION T name(T v, ushort from) {                                      \
    return intrinsic(MSL_ALL_LANES, v, from);                                  \
  }                                                                            \
  template <typename T, int N>                                                 \
  MSL_FUNCTION vec<T, N> name(vec<T, N> v, ushort from) {                      \
    for (int i = 0; i < N; i++) v[i] = intrinsic(MSL_ALL_LANES, v[i], from);   \
    return v;                                                                  \
  }
MSL_SHUFFLE(simd_shuffle, __shfl_sync)
MSL_SHUFFLE(simd_broadcast, __shfl_sync)
MSL_SHUFFLE(simd_shuffle_xor, __shfl_xor_sync)
MSL_SHUFFLE(simd_shuffle_up, __shfl_up_sync)
MSL_SHUFFLE(simd_shuffle_down, __shfl_down_sync)
#undef MSL_SHUFFLE
template <typename T>
MSL_FUNCTION T simd_broadcast_first(T v) {
  return simd_broadcast(v, ushort(0));
}

#define MSL_REDUCTION(name, expression)               \
  template <typename T>                               \
  MSL_FUNCTION T name(T x) {                          \
    for (int step = 16; step; step >>= 1) {           \
      const T y = simd_shuffle_xor(x, ushort(step));  \
      x = expression;                                 \
    }                                                 \
    return x;                                         \
  }
MSL_REDUCTION(simd_sum, x + y)
MSL_REDUCTION(simd_product, x * y)
MSL_REDUCTION(simd_max, max(x, y))
MSL_REDUCTION(simd_min, min(x, y))
#undef MSL_REDUCTION
MSL_FUNCTION bool simd_all(bool claim) { return __all_sync(MSL_ALL_LANES, claim); }
MSL_FUNCTION bool simd_any(bool claim) { return __any_sync(MSL_ALL_LANES, claim); }

template <typename T>
MSL_FUNCTION T simd_prefix_inclusive_sum(T v) {
  for (uint step = 1; step < 32; step <<= 1) {
    const T below = simd_shuffle_up(v, ushort(step));
    if (msl_lane() >= step) v = v + below;
  }
  return v;
}
template <typename T>
MSL_FUNCTION T simd_prefix_exclusive_sum(T v) {
  const T below = simd_shuffle_up(simd_prefix_inclusive_sum(v), ushort(1));
  return msl_lane() ? below : T(0);
}

// Right, not fast: eight rounds of shuffles instead of the tensor cores.
template <typename D, typename A, typename B>
MSL_FUNCTION void simdgroup_multiply_accumulate(
    simdgroup_matrix<D, 8, 8>& d, simdgroup_matrix<A, 8, 8> a, simdgroup_matrix<B, 8, 8> b,
    simdgroup_matrix<D, 8, 8> c) {
  const uint lane = msl_lane();
  float sum0 = float(c.elements[0]), sum1 = float(c.elements[1]);
#pragma unroll
  for (uint k = 0; k < 8; k++) {
    const uint a_lane = (lane & ~9u) | (k >> 2 << 3) | (k >> 1 & 1);           // has a[row][k]
    const uint b_lane = (k >> 2 << 4) | ((k & 3) << 1) | (lane & 9u);          // has b[k][column]
    const float a0 = __shfl_sync(MSL_ALL_LANES, float(a.elements[0]), a_lane);
    const float a1 = __shfl_sync(MSL_ALL_LANES, float(a.elements[1]), a_lane);
    const float b0 = __shfl_sync(MSL_ALL_LANES, float(b.elements[0]), b_lane);
    const float b1 = __shfl_sync(MSL_ALL_LANES, float(b.elements[1]), b_lane);
    const float factor = (k & 1) ? a1 : a0;
    sum0 += factor * b0;
    sum1 += factor * b1;
  }
  d.elements[0] = D(sum0);
  d.elements[1] = D(sum1);
}

template <typename T>
MSL_FUNCTION T atomic_load_explicit(const _atomic<T>* p, memory_order) {
  return *static_cast<const volatile T*>(&p->v);
}
template <typename T>
MSL_FUNCTION void atomic_store_explicit(_atomic<T>* p, T value, memory_order) {
  *static_cast<volatile T*>(&p->v) = value;
}
template <typename T>
MSL_FUNCTION T atomic_fetch_add_explicit(_atomic<T>* p, T value, memory_order) {
  return ::atomicAdd(&p->v, value);
}
template <typename T>
MSL_FUNCTION T atomic_fetch_max_explicit(_atomic<T>* p, T value, memory_order) {
  return ::atomicMax(&p->v, value);
}

}  // namespace metal
