// Decode: projects the heads of one token back, adds bias and residual. Four rows a simdgroup.
//
// grid: 32 * HIDDEN / 4 threads in groups of 64.
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"

template <int HIDDEN, int WIDTH>
[[kernel]] void attention_out(
    const device bfloat16_t* x [[buffer(0)]],         // (HIDDEN): the residual
    const device bfloat16_t* attended [[buffer(1)]],  // (WIDTH)
    const device bfloat16_t* weight [[buffer(2)]],    // (HIDDEN, WIDTH)
    const device bfloat16_t* bias [[buffer(3)]],      // (HIDDEN)
    device bfloat16_t* out [[buffer(4)]],             // (HIDDEN)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  const uint width = uint(WIDTH);
  const uint row = 4u * (2u * threadgroup_position_in_grid.x + simdgroup_index_in_threadgroup);
  const device uint2* row0 = bf16x4_at(weight + row * width);
  const device uint2* row1 = bf16x4_at(weight + (row + 1u) * width);
  const device uint2* row2 = bf16x4_at(weight + (row + 2u) * width);
  const device uint2* row3 = bf16x4_at(weight + (row + 3u) * width);
  const device uint2* inputs = bf16x4_at(attended);

  float4 sums = float4(0.0f);
  for (uint i = thread_index_in_simdgroup; i < width / 4u; i += 32u) {
    const float4 value = bf16x4(inputs[i]);
    sums += float4(dot(bf16x4(row0[i]), value), dot(bf16x4(row1[i]), value),
                   dot(bf16x4(row2[i]), value), dot(bf16x4(row3[i]), value));
  }
  sums = simd_sum(sums);

  if (thread_index_in_simdgroup == 0u) {
    sums += bf16x4(bf16x4_at(bias + row)[0]) + bf16x4(bf16x4_at(x + row)[0]);
    out[row] = bfloat16_t(sums.x);
    out[row + 1u] = bfloat16_t(sums.y);
    out[row + 2u] = bfloat16_t(sums.z);
    out[row + 3u] = bfloat16_t(sums.w);
  }
}
