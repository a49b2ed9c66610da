// Decode: gate and up of one token's experts, straight from MXFP4, with bias and clamped SwiGLU.
//
// A simdgroup computes two pairs of interleaved rows (gate, up); a lane takes every 32nd block of
// 32 values. The activations lie in threadgroup memory, the first four of all blocks, then the
// second four, …, so that neighbouring lanes read neighbouring words.
//
// grid: 32 * INNER / 2 by CHOSEN threads in groups of 32 * SIMDGROUPS.
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"
#include "mxfp4.h"
#include "swiglu.h"

template <int HIDDEN, int INNER, int SIMDGROUPS>
[[kernel]] void experts_gate_up(
    const device bfloat16_t* x [[buffer(0)]],     // (HIDDEN), normalised
    const device uint32_t* blocks [[buffer(1)]],  // (experts, 2 * INNER, HIDDEN / 8)
    const device uint8_t* scales [[buffer(2)]],   // (experts, 2 * INNER, HIDDEN / 32)
    const device bfloat16_t* bias [[buffer(3)]],  // (experts, 2 * INNER)
    const device uint32_t* chosen [[buffer(4)]],  // (CHOSEN)
    const device float* settings [[buffer(5)]],   // (8): SwiGLU's limit, then zeros
    device bfloat16_t* out [[buffer(6)]],         // (CHOSEN, INNER)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup uint2 inputs[HIDDEN / 4];
  const uint row_blocks = uint(HIDDEN) / 32u;
  const uint slot = threadgroup_position_in_grid.y;
  const uint pair =
      2u * (threadgroup_position_in_grid.x * uint(SIMDGROUPS) + simdgroup_index_in_threadgroup);

  for (uint i = thread_index_in_threadgroup; i < 8u * row_blocks; i += 32u * uint(SIMDGROUPS)) {
    inputs[(i & 7u) * row_blocks + (i >> 3)] = bf16x4_at(x)[i];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  const size_t row = size_t(chosen[slot]) * size_t(2 * INNER) + size_t(2u * pair);
  const device uint2* words = reinterpret_cast<const device uint2*>(blocks) + row * (2u * row_blocks);
  const device uint8_t* exponents = scales + row * row_blocks;
  float4 sums = float4(0.0f);
  for (uint block = thread_index_in_simdgroup; block < row_blocks; block += 32u) {
    sums += mxfp4_four_rows(words, exponents, row_blocks, block, inputs + block, row_blocks);
  }
  sums = simd_sum(sums);

  if (thread_index_in_simdgroup < 2u) {
    const size_t gate_row = row + size_t(2u * thread_index_in_simdgroup);
    const bool is_first = thread_index_in_simdgroup == 0u;
    const float gate = (is_first ? sums.x : sums.z) + float(bias[gate_row]);
    const float up = (is_first ? sums.y : sums.w) + float(bias[gate_row + 1u]);
    out[slot * uint(INNER) + pair + thread_index_in_simdgroup] =
        bfloat16_t(swiglu(gate, up, settings[0]));
  }
}
