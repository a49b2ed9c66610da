// Decode: RMSNorm, the router's logits, the CHOSEN best experts and the softmax over their logits.
//
// One threadgroup; each simdgroup takes every so-manieth expert. Equal logits go to the expert with
// the lower number. CHOSEN is 32 at most. NaN counts as the largest, so the choice is always of
// different experts.
//
// grid: one threadgroup of any multiple of 32 threads, 512 at most.
#include <metal_stdlib>
using namespace metal;
#include "rms_norm.h"

// Floats as unsigned integers of the same order; never 0, which marks what is taken.
inline uint router_rank(float value) {
  const uint bits = as_type<uint>(value);
  const uint ordered = (bits >> 31) == 1u ? ~bits : (bits | 0x80000000u);
  return max(ordered, 1u);
}

template <int HIDDEN, int EXPERTS, int CHOSEN>
[[kernel]] void router(
    const device bfloat16_t* x [[buffer(0)]],       // (HIDDEN)
    const device bfloat16_t* norm [[buffer(1)]],    // (HIDDEN)
    const device bfloat16_t* weight [[buffer(2)]],  // (EXPERTS, HIDDEN)
    const device bfloat16_t* bias [[buffer(3)]],    // (EXPERTS)
    const device float* settings [[buffer(4)]],     // (8): the norm's epsilon, then zeros
    device bfloat16_t* normed [[buffer(5)]],        // (HIDDEN)
    device uint32_t* chosen [[buffer(6)]],          // (CHOSEN): best first
    device float* shares [[buffer(7)]],             // (CHOSEN): their softmax
    uint3 threads_per_threadgroup [[threads_per_threadgroup]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup float partial[16];
  threadgroup float4 values[HIDDEN / 4];
  threadgroup float logits[EXPERTS];
  const uint thread_index = thread_index_in_threadgroup;
  const uint lane = thread_index_in_simdgroup;
  const uint threads = threads_per_threadgroup.x;
  const uint simdgroups = threads / 32u;
  const uint quads = uint(HIDDEN) / 4u;

  const float factor =
      rms_norm_stage<HIDDEN>(x, norm, settings[0], values, partial, thread_index, threads);
  // The experts see the normalised values as bfloat16; so does the choice between them.
  for (uint i = thread_index; i < quads; i += threads) {
    const float4 value = values[i] * factor;
    for (uint j = 0u; j < 4u; j++) {
      const bfloat16_t rounded = bfloat16_t(value[j]);
      normed[4u * i + j] = rounded;
      values[i][j] = float(rounded);
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  for (uint expert = simdgroup_index_in_threadgroup; expert < uint(EXPERTS); expert += simdgroups) {
    const device uint2* row = bf16x4_at(weight + expert * uint(HIDDEN));
    float sum = 0.0f;
    for (uint i = lane; i < quads; i += 32u) {
      sum += dot(bf16x4(row[i]), values[i]);
    }
    sum = simd_sum(sum);
    if (lane == 0u) {
      logits[expert] = sum + float(bias[expert]);
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  if (simdgroup_index_in_threadgroup == 0u) {
    const uint per_lane = (uint(EXPERTS) + 31u) / 32u;
    uint taken = 0u;  // bit i: this lane's i-th expert is chosen already
    uint own_expert = 0u;  // lane i holds the i-th choice
    float own_logit = 0.0f;
    float largest = 0.0f;
    float total = 0.0f;
    for (uint rank = 0u; rank < uint(CHOSEN); rank++) {
      uint best = 0u;
      uint best_expert = uint(EXPERTS);
      for (uint i = 0u; i < per_lane; i++) {
        const uint candidate = lane + 32u * i;
        if (candidate < uint(EXPERTS) && ((taken >> i) & 1u) == 0u) {
          const uint value = router_rank(logits[candidate]);
          if (value > best) {
            best = value;
            best_expert = candidate;
          }
        }
      }
      const uint winner = simd_max(best);
      const uint expert = simd_min(best == winner ? best_expert : uint(EXPERTS));
      if ((expert & 31u) == lane) {
        taken |= 1u << (expert >> 5);
      }
      if (rank == lane) {
        own_expert = expert;
        own_logit = logits[expert];
      }
      largest = rank == 0u ? logits[expert] : largest;
      total += exp(logits[expert] - largest);
    }
    if (lane < uint(CHOSEN)) {
      chosen[lane] = own_expert;
      shares[lane] = exp(own_logit - largest) / total;
    }
  }
}
