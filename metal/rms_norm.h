// RMSNorm of one token by a whole threadgroup, the values left in threadgroup memory.
#pragma once
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"

// Puts x times norm into `values` and returns the factor that is still missing, the same for all:
// what is linear in the values can take it at its end. `partial` has room for each simdgroup.
template <int HIDDEN>
inline float rms_norm_stage(const device bfloat16_t* x, const device bfloat16_t* norm,
                            float epsilon, threadgroup float4* values, threadgroup float* partial,
                            uint thread_index, uint threads) {
  float squares = 0.0f;
  for (uint i = thread_index; i < uint(HIDDEN) / 4u; i += threads) {
    const float4 value = bf16x4(bf16x4_at(x)[i]);
    squares += dot(value, value);
    values[i] = value * bf16x4(bf16x4_at(norm)[i]);
  }
  squares = simd_sum(squares);
  if ((thread_index & 31u) == 0u) {
    partial[thread_index / 32u] = squares;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  squares = 0.0f;
  for (uint i = 0u; i < threads / 32u; i++) {
    squares += partial[i];
  }
  return rsqrt(squares / float(HIDDEN) + epsilon);
}
