// Decode: down of one token's experts, straight from MXFP4, weighted, summed, with the residual.
//
// A threadgroup computes four rows with a simdgroup for each chosen expert; a lane takes every 32nd
// block of 32 values. A simdgroup brings in its activations a stretch of 32 blocks at a time,
// rearranged so that neighbouring lanes read neighbouring words.
//
// grid: 32 * CHOSEN * HIDDEN / 4 threads in groups of 32 * CHOSEN.
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"
#include "mxfp4.h"

template <int HIDDEN, int INNER, int CHOSEN>
[[kernel]] void experts_down(
    const device bfloat16_t* x [[buffer(0)]],      // (HIDDEN): the residual
    const device bfloat16_t* inner [[buffer(1)]],  // (CHOSEN, INNER)
    const device uint32_t* blocks [[buffer(2)]],   // (experts, HIDDEN, INNER / 8)
    const device uint8_t* scales [[buffer(3)]],    // (experts, HIDDEN, INNER / 32)
    const device bfloat16_t* bias [[buffer(4)]],   // (experts, HIDDEN)
    const device uint32_t* chosen [[buffer(5)]],  // (CHOSEN)
    const device float* shares [[buffer(6)]],  // (CHOSEN)
    device bfloat16_t* out [[buffer(7)]],          // (HIDDEN)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup uint2 stretch[CHOSEN * 8 * 33];  // 33: rows of 32 would share their banks
  threadgroup float4 weighted[CHOSEN];
  const uint row_blocks = uint(INNER) / 32u;
  const uint slot = simdgroup_index_in_threadgroup;
  const uint lane = thread_index_in_simdgroup;
  const uint first_row = 4u * threadgroup_position_in_grid.x;
  const uint own = slot * 8u * 33u;

  const size_t row = size_t(chosen[slot]) * size_t(HIDDEN) + size_t(first_row);
  const device uint2* words = reinterpret_cast<const device uint2*>(blocks) + row * (2u * row_blocks);
  const device uint8_t* exponents = scales + row * row_blocks;
  const device uint2* inputs = bf16x4_at(inner + slot * uint(INNER));
  float4 sums = float4(0.0f);
  for (uint first = 0u; first < row_blocks; first += 32u) {
    for (uint i = lane; i < 256u; i += 32u) {
      const uint2 value = 8u * first + i < 8u * row_blocks ? inputs[8u * first + i] : uint2(0u, 0u);
      stretch[own + (i & 7u) * 33u + (i >> 3)] = value;
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
    const uint block = first + lane;
    if (block < row_blocks) {
      sums += mxfp4_four_rows(words, exponents, row_blocks, block, stretch + own + lane, 33u);
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
  sums = simd_sum(sums);
  if (lane == 0u) {
    const float4 expert_bias = float4(float(bias[row]), float(bias[row + 1u]), float(bias[row + 2u]),
                                      float(bias[row + 3u]));
    weighted[slot] = (sums + expert_bias) * shares[slot];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  if (thread_index_in_threadgroup < 4u) {
    const uint r = thread_index_in_threadgroup;
    float sum = float(x[first_row + r]);
    for (uint i = 0u; i < uint(CHOSEN); i++) {
      sum += weighted[i][r];
    }
    out[first_row + r] = bfloat16_t(sum);
  }
}
