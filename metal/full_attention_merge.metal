// Decode: puts the parts of full_attention together. A simdgroup for each query head.
//
// grid: 32 * HEADS threads in groups of 32.
#include <metal_stdlib>
using namespace metal;

template <int HEADS, int HEAD_DIM>
[[kernel]] void full_attention_merge(
    const device float* part_sums [[buffer(0)]],     // (parts, HEADS, HEAD_DIM)
    const device float* part_softmax [[buffer(1)]],  // (parts, HEADS, 2): largest score, total
    const device uint32_t* extent [[buffer(2)]],     // (8): length, capacity, parts, then zeros
    device bfloat16_t* out [[buffer(3)]],            // (HEADS, HEAD_DIM)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  const uint head = threadgroup_position_in_grid.x;
  const uint lane = thread_index_in_simdgroup;
  const uint parts = extent[2];

  float largest = part_softmax[2u * head];  // of the first part: the sink's logit, or above it
  for (uint part = 1u; part < parts; part++) {
    largest = max(largest, part_softmax[2u * (part * uint(HEADS) + head)]);
  }
  float total = 0.0f;
  for (uint part = 0u; part < parts; part++) {
    const uint row = part * uint(HEADS) + head;
    total += part_softmax[2u * row + 1u] * exp(part_softmax[2u * row] - largest);
  }
  for (uint i = lane; i < uint(HEAD_DIM); i += 32u) {
    float sum = 0.0f;
    for (uint part = 0u; part < parts; part++) {
      const uint row = part * uint(HEADS) + head;
      sum += part_sums[row * uint(HEAD_DIM) + i] * exp(part_softmax[2u * row] - largest);
    }
    out[head * uint(HEAD_DIM) + i] = bfloat16_t(sum / total);
  }
}
