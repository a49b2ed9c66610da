// Prefill: one expert matrix times all the rows that chose the expert, straight from MXFP4.
//
// Rows come sorted by expert. A threadgroup multiplies a tile of TOKENS rows of one expert with 32
// of its outputs: 64 for long prompts, 8 where few rows share an expert. Per step of 32 inputs, one
// MXFP4 block, the weights are unpacked once for all rows of the tile. Both tiles are bfloat16,
// which holds MXFP4 and the activations exactly; sums are float32.
//
// GATED: the matrix is gate and up, interleaved; the result goes through SwiGLU and stays sorted.
// Otherwise it is down: the result is weighted and goes back to its token's place.
//
// grid: 128 * outputs / 32 by tiles, where tiles is ROWS / TOKENS rounded up plus EXPERTS at most;
// groups of 128.
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"
#include "mxfp4.h"
#include "swiglu.h"

template <int INPUTS, int OUTPUTS, int EXPERTS, int CHOSEN, int TOKENS, bool GATED>
[[kernel]] void experts_gemm(
    const device bfloat16_t* x [[buffer(0)]],     // GATED: (tokens, INPUTS); else sorted rows
    const device uint32_t* blocks [[buffer(1)]],  // (EXPERTS, OUTPUTS, INPUTS / 8)
    const device uint8_t* scales [[buffer(2)]],   // (EXPERTS, OUTPUTS, INPUTS / 32)
    const device bfloat16_t* bias [[buffer(3)]],  // (EXPERTS, OUTPUTS)
    const device uint32_t* order [[buffer(4)]],   // (rows): the place, token * CHOSEN + choice
    const device uint32_t* starts [[buffer(5)]],  // (EXPERTS + 1): an expert's first sorted row
    const device float* shares [[buffer(6)]],     // (rows), by place; unused if GATED
    const device float* settings [[buffer(7)]],   // (8): SwiGLU's limit, then zeros
    device bfloat16_t* out [[buffer(8)]],         // (rows, OUTPUTS / 2) sorted, or (rows, OUTPUTS)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]]) {
  threadgroup uint2 x_words[TOKENS * 10];            // rows of 32 bfloat16 and 8 to spare
  threadgroup bfloat16_t w_tile[32 * 40];            // (input, output), rows likewise
  threadgroup float products[TOKENS * 36];           // (row, output)
  const uint thread_index = thread_index_in_threadgroup;
  const uint first_output = 32u * threadgroup_position_in_grid.x;
  const uint row_blocks = uint(INPUTS) / 32u;

  // Which expert's tile is this? Threadgroups beyond the last tile have nothing to do.
  uint expert = 0u;
  uint tile = threadgroup_position_in_grid.y;
  uint expert_tiles = (starts[1] - starts[0] + uint(TOKENS) - 1u) / uint(TOKENS);
  while (expert < uint(EXPERTS) && tile >= expert_tiles) {
    tile -= expert_tiles;
    expert += 1u;
    if (expert < uint(EXPERTS)) {
      expert_tiles = (starts[expert + 1u] - starts[expert] + uint(TOKENS) - 1u) / uint(TOKENS);
    }
  }

  if (expert < uint(EXPERTS)) {  // the same for all threads
    const uint first_row = starts[expert] + tile * uint(TOKENS);
    const uint rows = min(starts[expert + 1u] - first_row, uint(TOKENS));
    const size_t matrix_row = size_t(expert) * size_t(OUTPUTS) + size_t(first_output);
    threadgroup bfloat16_t* x_tile = reinterpret_cast<threadgroup bfloat16_t*>(x_words);

    simdgroup_float8x8 sums[TOKENS / 8];
    for (uint i = 0u; i < uint(TOKENS) / 8u; i++) {
      sums[i] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
    }
    for (uint block = 0u; block < row_blocks; block++) {
      threadgroup_barrier(mem_flags::mem_threadgroup);
      for (uint i = thread_index; i < 8u * uint(TOKENS); i += 128u) {
        const uint row = i / 8u;
        uint2 words = uint2(0u, 0u);
        if (row < rows) {
          const uint sorted = first_row + row;
          const size_t from = size_t(GATED ? order[sorted] / uint(CHOSEN) : sorted);
          words = bf16x4_at(x + from * size_t(INPUTS))[8u * block + (i & 7u)];
        }
        x_words[row * 10u + (i & 7u)] = words;
      }
      const size_t w_row = matrix_row + size_t(thread_index / 4u);
      const uint quarter = thread_index & 3u;  // eight of a block's inputs
      const uint word = blocks[(w_row * row_blocks + block) * 4u + quarter];
      const float scale = MXFP4_UNIT * mxfp4_scale(scales[w_row * row_blocks + block]);
      for (uint i = 0u; i < 4u; i++) {
        const half2 pair = mxfp4_pair(word >> (4u * i));
        const uint at = (8u * quarter + i) * 40u + thread_index / 4u;
        w_tile[at] = bfloat16_t(float(pair.x) * scale);
        w_tile[at + 160u] = bfloat16_t(float(pair.y) * scale);
      }
      threadgroup_barrier(mem_flags::mem_threadgroup);
      for (uint k = 0u; k < 32u; k += 8u) {
        simdgroup_matrix<bfloat16_t, 8, 8> right;
        simdgroup_load(right, w_tile + k * 40u + 8u * simdgroup_index_in_threadgroup, 40);
        for (uint i = 0u; i < uint(TOKENS) / 8u; i++) {
          simdgroup_matrix<bfloat16_t, 8, 8> left;
          simdgroup_load(left, x_tile + i * 320u + k, 40);
          simdgroup_multiply_accumulate(sums[i], left, right, sums[i]);
        }
      }
    }
    for (uint i = 0u; i < uint(TOKENS) / 8u; i++) {
      simdgroup_store(sums[i], products + i * 288u + 8u * simdgroup_index_in_threadgroup, 36);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);

    const uint columns = GATED ? 16u : 32u;
    for (uint i = thread_index; i < columns * rows; i += 128u) {
      const uint row = i / columns;
      const uint column = i % columns;
      const uint sorted = first_row + row;
      if (GATED) {
        const float gate = products[row * 36u + 2u * column] + float(bias[matrix_row + 2u * column]);
        const float up =
            products[row * 36u + 2u * column + 1u] + float(bias[matrix_row + 2u * column + 1u]);
        out[size_t(sorted) * size_t(OUTPUTS / 2) + first_output / 2u + column] =
            bfloat16_t(swiglu(gate, up, settings[0]));
      } else {
        const uint place = order[sorted];
        const float sum = products[row * 36u + column] + float(bias[matrix_row + column]);
        out[size_t(place) * size_t(OUTPUTS) + first_output + column] =
            bfloat16_t(sum * shares[place]);
      }
    }
  }
}
