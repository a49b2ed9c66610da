// Decode: RMSNorm, the three projections with their biases, and RoPE, for one token.
//
// A simdgroup computes two pairs of rows (i, i + HEAD_DIM / 2) of one head: the pairs that RoPE
// turns, so that nothing has to be exchanged. The norm's factor is one number for the whole token:
// its sum of squares is gathered on the way and multiplied in at the end.
//
// grid: 32 * (HEADS + 2 * KV_HEADS) * HEAD_DIM / 4 threads in groups of 64.
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"

template <int HIDDEN, int HEADS, int KV_HEADS, int HEAD_DIM>
[[kernel]] void qkv_rope(
    const device bfloat16_t* x [[buffer(0)]],         // (HIDDEN)
    const device bfloat16_t* norm [[buffer(1)]],      // (HIDDEN)
    const device bfloat16_t* q_weight [[buffer(2)]],  // (HEADS * HEAD_DIM, HIDDEN)
    const device bfloat16_t* q_bias [[buffer(3)]],
    const device bfloat16_t* k_weight [[buffer(4)]],  // (KV_HEADS * HEAD_DIM, HIDDEN)
    const device bfloat16_t* k_bias [[buffer(5)]],
    const device bfloat16_t* v_weight [[buffer(6)]],  // (KV_HEADS * HEAD_DIM, HIDDEN)
    const device bfloat16_t* v_bias [[buffer(7)]],
    const device float* cosines [[buffer(8)]],        // (HEAD_DIM), concentration included
    const device float* sines [[buffer(9)]],          // (HEAD_DIM), negative in the first half
    const device float* settings [[buffer(10)]],      // (8): the norm's epsilon, then zeros
    device bfloat16_t* queries [[buffer(11)]],        // (HEADS, HEAD_DIM)
    device bfloat16_t* packed [[buffer(12)]],         // (2, KV_HEADS, HEAD_DIM): keys, values
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  const uint hidden = uint(HIDDEN);
  const uint half_head = uint(HEAD_DIM) / 2u;
  const uint pair = 2u * (2u * threadgroup_position_in_grid.x + simdgroup_index_in_threadgroup);
  const uint head = pair / half_head;  // queries' heads, then keys', then values'
  const uint turn = pair % half_head;
  const bool is_query = head < uint(HEADS);
  const bool is_value = head >= uint(HEADS + KV_HEADS);
  const uint own_head = is_query ? head : (head - uint(HEADS)) % uint(KV_HEADS);
  const uint row = own_head * uint(HEAD_DIM) + turn;

  const device bfloat16_t* weight = is_query ? q_weight : (is_value ? v_weight : k_weight);
  const device uint2* row0 = bf16x4_at(weight + row * hidden);
  const device uint2* row1 = bf16x4_at(weight + (row + 1u) * hidden);
  const device uint2* row2 = bf16x4_at(weight + (row + half_head) * hidden);
  const device uint2* row3 = bf16x4_at(weight + (row + half_head + 1u) * hidden);
  const device uint2* inputs = bf16x4_at(x);
  const device uint2* gains = bf16x4_at(norm);

  float squares = 0.0f;
  float4 sums = float4(0.0f);
  for (uint i = thread_index_in_simdgroup; i < hidden / 4u; i += 32u) {
    const float4 value = bf16x4(inputs[i]);
    const float4 scaled = value * bf16x4(gains[i]);
    squares += dot(value, value);
    sums += float4(dot(bf16x4(row0[i]), scaled), dot(bf16x4(row1[i]), scaled),
                   dot(bf16x4(row2[i]), scaled), dot(bf16x4(row3[i]), scaled));
  }
  squares = simd_sum(squares);
  sums = simd_sum(sums) * rsqrt(squares / float(HIDDEN) + settings[0]);

  if (thread_index_in_simdgroup == 0u) {
    const device bfloat16_t* bias = is_query ? q_bias : (is_value ? v_bias : k_bias);
    float2 first = sums.xy + float2(float(bias[row]), float(bias[row + 1u]));
    float2 second =
        sums.zw + float2(float(bias[row + half_head]), float(bias[row + half_head + 1u]));
    if (!is_value) {
      const float2 cosine = float2(cosines[turn], cosines[turn + 1u]);
      const float2 sine = float2(sines[turn + half_head], sines[turn + half_head + 1u]);
      const float2 turned = first * cosine - second * sine;
      second = second * cosine + first * sine;
      first = turned;
    }
    device bfloat16_t* to = is_query ? queries : packed + (is_value ? KV_HEADS * HEAD_DIM : 0);
    to[row] = bfloat16_t(first.x);
    to[row + 1u] = bfloat16_t(first.y);
    to[row + half_head] = bfloat16_t(second.x);
    to[row + half_head + 1u] = bfloat16_t(second.y);
  }
}
