// Metal's vocabulary on a CPU. A kernel's translation unit is this header and the lowered kernel;
// the runtime (scheduler.cpp and its neighbours) calls it once per thread.
#pragma once
#include <cmath>
#include "numbers.h"
#include "threadgroup.h"

// always_inline: GCC does not trace an aggregate that a real call takes by value.
#define MSL_FUNCTION inline __attribute__((always_inline))
#define MSL_PROGRAM_TABLE static const
#define MSL_THREADGROUP_ARRAY(T, name, ...) \
  typedef T name##_array __VA_ARGS__;       \
  name##_array& name =                      \
      *static_cast<name##_array*>(msl::threadgroup_array(__COUNTER__, sizeof(name##_array)))
#define MSL_HERE int line = __builtin_LINE()  // of the kernel's call

typedef unsigned int uint;
typedef unsigned short ushort;
typedef unsigned char uchar;
using metal::bfloat;
using metal::half;
typedef bfloat bfloat16_t;
typedef half float16_t;

#include "vocabulary.h"
#include "matrices.h"

namespace metal {

inline uint msl_lane() { return msl::group->current->lane; }

inline void threadgroup_barrier(mem_flags flags, MSL_HERE) {
  msl::wait(msl::State::at_barrier, "threadgroup_barrier", line, uint32_t(flags));
}
inline void simdgroup_barrier(mem_flags flags, MSL_HERE) {
  msl::wait(msl::State::at_simd_operation, "simdgroup_barrier", line, uint32_t(flags));
}

// Pairs halves of the simdgroup, as a tree does: one order for every lane order.
#define MSL_REDUCTION(name, expression)                                   \
  template <typename T>                                                   \
  inline T name(T v, MSL_HERE) {                                          \
    const msl::Thread* lanes = msl::exchange(v, #name, line);             \
    T values[32];                                                         \
    for (uint i = 0; i < 32; i++) values[i] = msl::value_of<T>(lanes, i); \
    for (uint step = 16; step; step >>= 1)                                \
      for (uint i = 0; i < step; i++) {                                   \
        const T x = values[i], y = values[i + step];                      \
        values[i] = expression;                                           \
      }                                                                   \
    return values[0];                                                     \
  }
MSL_REDUCTION(simd_sum, x + y)
MSL_REDUCTION(simd_product, x * y)
MSL_REDUCTION(simd_max, max(x, y))
MSL_REDUCTION(simd_min, min(x, y))
#undef MSL_REDUCTION

inline bool simd_all(bool claim, MSL_HERE) {
  const msl::Thread* lanes = msl::exchange(claim, "simd_all", line);
  for (uint i = 0; i < 32; i++)
    if (!msl::value_of<bool>(lanes, i)) return false;
  return true;
}
inline bool simd_any(bool claim, MSL_HERE) {
  const msl::Thread* lanes = msl::exchange(claim, "simd_any", line);
  for (uint i = 0; i < 32; i++)
    if (msl::value_of<bool>(lanes, i)) return true;
  return false;
}

#define MSL_SHUFFLE(name, source_lane)                                              \
  template <typename T>                                                             \
  inline T name(T v, ushort from, MSL_HERE) {                                       \
    const uint lane = msl_lane();                                                   \
    (void)lane;                                                                     \
    const msl::Thread* lanes = msl::exchange(v, #name, line);                       \
    const uint source = source_lane;                                                \
    if (source > 31) msl::fail("%s from lane %u (line %d)", #name, source, line);   \
    return msl::value_of<T>(lanes, source);                                         \
  }
MSL_SHUFFLE(simd_shuffle, from)
MSL_SHUFFLE(simd_broadcast, from)
MSL_SHUFFLE(simd_shuffle_xor, lane ^ from)
MSL_SHUFFLE(simd_shuffle_up, lane < from ? lane : lane - from)
MSL_SHUFFLE(simd_shuffle_down, lane + from > 31 ? lane : lane + from)
#undef MSL_SHUFFLE
template <typename T>
inline T simd_broadcast_first(T v, MSL_HERE) {
  return msl::value_of<T>(msl::exchange(v, "simd_broadcast_first", line), 0);
}

template <typename T>
inline T simd_prefix_inclusive_sum(T v, MSL_HERE) {
  const msl::Thread* lanes = msl::exchange(v, "simd_prefix_inclusive_sum", line);
  T sum = msl::value_of<T>(lanes, 0);
  for (uint i = 1; i <= msl_lane(); i++) sum = sum + msl::value_of<T>(lanes, i);
  return sum;
}
template <typename T>
inline T simd_prefix_exclusive_sum(T v, MSL_HERE) {
  const msl::Thread* lanes = msl::exchange(v, "simd_prefix_exclusive_sum", line);
  T sum = T(0);
  for (uint i = 0; i < msl_lane(); i++) sum = sum + msl::value_of<T>(lanes, i);
  return sum;
}

template <typename D, typename A, typename B>
inline void simdgroup_multiply_accumulate(simdgroup_matrix<D, 8, 8>& d,
                                          simdgroup_matrix<A, 8, 8> a,
                                          simdgroup_matrix<B, 8, 8> b,
                                          simdgroup_matrix<D, 8, 8> c, MSL_HERE) {
  const float4 mine(float(a.elements[0]), float(a.elements[1]), float(b.elements[0]),
                    float(b.elements[1]));
  const msl::Thread* lanes = msl::exchange(mine, "simdgroup_multiply_accumulate", line);
  const uint row = msl_matrix_row(msl_lane()), column = msl_matrix_column(msl_lane());
  float a_row[8], b_columns[8][2];
  for (uint i = 0; i < 4; i++) {  // the four lanes that hold this row of a
    const uint lane = (msl_lane() & ~9u) | (i & 1) | (i >> 1 << 3);
    const float4 theirs = msl::value_of<float4>(lanes, lane);
    a_row[msl_matrix_column(lane)] = theirs.x;
    a_row[msl_matrix_column(lane) + 1] = theirs.y;
  }
  for (uint i = 0; i < 8; i++) {  // the eight that hold these columns of b
    const uint lane = (msl_lane() & 9u) | ((i & 3) << 1) | (i >> 2 << 4);
    const float4 theirs = msl::value_of<float4>(lanes, lane);
    b_columns[msl_matrix_row(lane)][0] = theirs.z;
    b_columns[msl_matrix_row(lane)][1] = theirs.w;
  }
  (void)row, (void)column;
  for (uint j = 0; j < 2; j++) {
    float sum = float(c.elements[j]);
    for (uint k = 0; k < 8; k++) sum += a_row[k] * b_columns[k][j];
    d.elements[j] = D(sum);
  }
}

template <typename T>
inline msl::Kind msl_kind() {
  if (T(0.5f) != T(0)) return msl::Kind::floating;
  return T(-1) < T(0) ? msl::Kind::signed_integer : msl::Kind::unsigned_integer;
}
template <typename T>
inline T atomic_load_explicit(const _atomic<T>* p, memory_order) {
  return as_type<T>(msl::atomic(const_cast<T*>(&p->v), msl::Atomic::load, 0, msl_kind<T>()));
}
template <typename T>
inline void atomic_store_explicit(_atomic<T>* p, T v, memory_order) {
  msl::atomic(&p->v, msl::Atomic::store, as_type<uint32_t>(v), msl_kind<T>());
}
template <typename T>
inline T atomic_fetch_add_explicit(_atomic<T>* p, T v, memory_order) {
  return as_type<T>(msl::atomic(&p->v, msl::Atomic::add, as_type<uint32_t>(v), msl_kind<T>()));
}
template <typename T>
inline T atomic_fetch_max_explicit(_atomic<T>* p, T v, memory_order) {
  return as_type<T>(msl::atomic(&p->v, msl::Atomic::max, as_type<uint32_t>(v), msl_kind<T>()));
}

inline uint3 msl_uint3(const uint32_t* v) { return uint3(v[0], v[1], v[2]); }
inline uint3 msl_position_in_threadgroup() {
  const uint32_t i = msl::group->current->index, *shape = msl::group->shape;
  return uint3(i % shape[0], i / shape[0] % shape[1], i / (shape[0] * shape[1]));
}
}  // namespace metal
