// The noise of metal/sample.h by itself, many draws at once: run by its test alone.
#include <metal_stdlib>
using namespace metal;
#include "sample.h"

template <int TOKENS>
[[kernel]] void gumbel_noise(
    const device uint32_t* seeds [[buffer(0)]],  // (draws, 2)
    device float* noise [[buffer(1)]],           // (draws, TOKENS)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  const uint draw = threadgroup_position_in_grid.x;
  for (uint token = thread_index_in_simdgroup; token < uint(TOKENS); token += 32u) {
    noise[draw * uint(TOKENS) + token] =
        sample_gumbel(token, seeds[2u * draw], seeds[2u * draw + 1u]);
  }
}
