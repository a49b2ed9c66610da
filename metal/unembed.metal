// Decode: the final RMSNorm and every token's logit, with the best token of each threadgroup after
// Gumbel noise, so that sampling at a plain temperature never sorts the vocabulary.
//
// A threadgroup scores 32 tokens, four a simdgroup. The norm's factor is multiplied in at the end.
//
// grid: 256 * ceil(VOCABULARY / 32) threads in groups of 256.
#include <metal_stdlib>
using namespace metal;
#include "rms_norm.h"
#include "sample.h"

template <int HIDDEN, int VOCABULARY>
[[kernel]] void unembed(
    const device bfloat16_t* x [[buffer(0)]],       // (HIDDEN)
    const device bfloat16_t* norm [[buffer(1)]],    // (HIDDEN)
    const device bfloat16_t* weight [[buffer(2)]],  // (VOCABULARY, HIDDEN)
    const device float* settings [[buffer(3)]],     // (8): epsilon, 1 / temperature, noise (0 or 1)
    const device uint32_t* seed [[buffer(4)]],      // (8): two words, other ones for each draw
    device float* logits [[buffer(5)]],             // (VOCABULARY)
    device float* best_score [[buffer(6)]],         // (threadgroups)
    device uint32_t* best_token [[buffer(7)]],      // (threadgroups)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup float4 values[HIDDEN / 4];
  threadgroup float partial[8];
  threadgroup float scores[32];
  const uint lane = thread_index_in_simdgroup;
  const uint quads = uint(HIDDEN) / 4u;
  const uint token =
      32u * threadgroup_position_in_grid.x + 4u * simdgroup_index_in_threadgroup;

  const float factor =
      rms_norm_stage<HIDDEN>(x, norm, settings[0], values, partial, thread_index_in_threadgroup, 256u);

  // Rows beyond the vocabulary's end stand in for its last one, and are not written.
  const uint last = uint(VOCABULARY) - 1u;
  const device uint2* row0 = bf16x4_at(weight + size_t(min(token, last)) * size_t(HIDDEN));
  const device uint2* row1 = bf16x4_at(weight + size_t(min(token + 1u, last)) * size_t(HIDDEN));
  const device uint2* row2 = bf16x4_at(weight + size_t(min(token + 2u, last)) * size_t(HIDDEN));
  const device uint2* row3 = bf16x4_at(weight + size_t(min(token + 3u, last)) * size_t(HIDDEN));
  float4 sums = float4(0.0f);
  for (uint i = lane; i < quads; i += 32u) {
    const float4 value = values[i];
    sums += float4(dot(bf16x4(row0[i]), value), dot(bf16x4(row1[i]), value),
                   dot(bf16x4(row2[i]), value), dot(bf16x4(row3[i]), value));
  }
  sample_best<VOCABULARY>(simd_sum(sums) * factor, settings, seed, logits, best_score, best_token,
                          scores, threadgroup_position_in_grid.x, simdgroup_index_in_threadgroup,
                          lane);
}
