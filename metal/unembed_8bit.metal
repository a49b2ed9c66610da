// Decode: unembed with weights of 8 bits, as `mx.quantize(bits=8)` makes them: a scale and a bias
// for each GROUP values of a row, value = scale * integer + bias.
//
// A threadgroup scores 32 tokens, four a simdgroup. A lane takes 8 values of each row at a time.
//
// grid: 256 * ceil(VOCABULARY / 32) threads in groups of 256.
#include <metal_stdlib>
using namespace metal;
#include "rms_norm.h"
#include "sample.h"

inline float4 bytes4(uint word) {
  return float4(float(word & 255u), float((word >> 8) & 255u), float((word >> 16) & 255u),
                float(word >> 24));
}

template <int HIDDEN, int VOCABULARY, int GROUP>
[[kernel]] void unembed_8bit(
    const device bfloat16_t* x [[buffer(0)]],       // (HIDDEN)
    const device bfloat16_t* norm [[buffer(1)]],    // (HIDDEN)
    const device uint32_t* weight [[buffer(2)]],    // (VOCABULARY, HIDDEN / 4): the first lowest
    const device bfloat16_t* scales [[buffer(3)]],  // (VOCABULARY, HIDDEN / GROUP)
    const device bfloat16_t* biases [[buffer(4)]],  // (VOCABULARY, HIDDEN / GROUP)
    const device float* settings [[buffer(5)]],     // (8): epsilon, 1 / temperature, noise (0 or 1)
    const device uint32_t* seed [[buffer(6)]],      // (8): two words, other ones for each draw
    device float* logits [[buffer(7)]],             // (VOCABULARY)
    device float* best_score [[buffer(8)]],         // (threadgroups)
    device uint32_t* best_token [[buffer(9)]],      // (threadgroups)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup float4 values[HIDDEN / 4];
  threadgroup float partial[8];
  threadgroup float scores[32];
  const uint lane = thread_index_in_simdgroup;
  const uint quads = uint(HIDDEN) / 4u;
  const uint groups = uint(HIDDEN / GROUP);
  const uint token =
      32u * threadgroup_position_in_grid.x + 4u * simdgroup_index_in_threadgroup;

  const float factor =
      rms_norm_stage<HIDDEN>(x, norm, settings[0], values, partial, thread_index_in_threadgroup, 256u);

  // Rows beyond the vocabulary's end stand in for its last one, and are not written.
  const uint last = uint(VOCABULARY) - 1u;
  float4 sums = float4(0.0f);
  for (uint i = lane; i < quads / 2u; i += 32u) {
    const float4 first = values[2u * i];
    const float4 second = values[2u * i + 1u];
    const float total = dot(first + second, float4(1.0f));
    for (uint r = 0u; r < 4u; r++) {
      const size_t row = size_t(min(token + r, last));
      const uint2 word = reinterpret_cast<const device uint2*>(weight)[row * (quads / 2u) + i];
      const size_t group = row * groups + 8u * i / uint(GROUP);
      const float product = dot(bytes4(word.x), first) + dot(bytes4(word.y), second);
      sums[r] += float(scales[group]) * product + float(biases[group]) * total;
    }
  }
  sample_best<VOCABULARY>(simd_sum(sums) * factor, settings, seed, logits, best_score, best_token,
                          scores, threadgroup_position_in_grid.x, simdgroup_index_in_threadgroup,
                          lane);
}
