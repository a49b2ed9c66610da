// Decode: attention of one token to all positions so far, in parts: each threadgroup takes one KV
// head and one stretch of positions. full_attention_merge puts the parts together.
//
// The sink, a key without a value, belongs to the first stretch.
//
// grid: KV_HEADS by parts threadgroups of 32 * HEADS / KV_HEADS threads.
#include <metal_stdlib>
using namespace metal;
#include "attend.h"

template <int HEADS, int KV_HEADS, int HEAD_DIM>
[[kernel]] void full_attention(
    const device bfloat16_t* q [[buffer(0)]],      // (HEADS, HEAD_DIM)
    const device bfloat16_t* kv [[buffer(1)]],     // (2, KV_HEADS, capacity, HEAD_DIM)
    const device bfloat16_t* sinks [[buffer(2)]],  // (HEADS)
    const device uint32_t* extent [[buffer(3)]],   // (8): length, capacity, then zeros
    device float* part_sums [[buffer(4)]],         // (parts, HEADS, HEAD_DIM)
    device float* part_softmax [[buffer(5)]],      // (parts, HEADS, 2): largest score, total
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint3 threadgroups_per_grid [[threadgroups_per_grid]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup uint key_tile[32 * (HEAD_DIM / 2 + 1)];
  threadgroup uint value_tile[32 * (HEAD_DIM / 2 + 1)];
  threadgroup float query[HEADS / KV_HEADS * HEAD_DIM];
  threadgroup float shares[HEADS / KV_HEADS * 32];
  const uint group_heads = uint(HEADS) / uint(KV_HEADS);
  const uint kv_head = threadgroup_position_in_grid.x;
  const uint part = threadgroup_position_in_grid.y;
  const uint parts = threadgroups_per_grid.y;
  const uint head = kv_head * group_heads + simdgroup_index_in_threadgroup;
  const uint lane = thread_index_in_simdgroup;
  const uint threads = 32u * group_heads;
  const uint length = extent[0];
  const uint capacity = extent[1];
  const device bfloat16_t* keys = kv + size_t(kv_head * capacity) * size_t(HEAD_DIM);
  const device bfloat16_t* values = keys + size_t(uint(KV_HEADS) * capacity) * size_t(HEAD_DIM);
  threadgroup float* own_query = query + simdgroup_index_in_threadgroup * uint(HEAD_DIM);

  const uint blocks = (length + 31u) / 32u;
  const uint part_blocks = (blocks + parts - 1u) / parts;
  const uint begin = min(part * part_blocks * 32u, length);
  const uint end = min(begin + part_blocks * 32u, length);

  for (uint i = lane; i < uint(HEAD_DIM); i += 32u) {
    own_query[i] = float(q[head * uint(HEAD_DIM) + i]) * rsqrt(float(HEAD_DIM));
  }
  float largest = part == 0u ? float(sinks[head]) : ATTEND_LOWEST;
  float total = part == 0u ? 1.0f : 0.0f;
  float2 sums[(HEAD_DIM + 63) / 64];
  for (uint i = 0u; i < uint(HEAD_DIM + 63) / 64u; i++) {
    sums[i] = float2(0.0f);
  }
  for (uint first = begin; first < end; first += 32u) {
    const uint count = min(end - first, 32u);
    const uint shown = 0xffffffffu >> (32u - count);
    const size_t offset = size_t(first) * size_t(HEAD_DIM);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    attend_stage<HEAD_DIM>(keys + offset, values + offset, shown, thread_index_in_threadgroup,
                           threads, key_tile, value_tile);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    attend_block<HEAD_DIM>(own_query, key_tile, value_tile,
                           shares + 32u * simdgroup_index_in_threadgroup, shown, lane, largest,
                           total, sums);
  }
  const uint row = part * uint(HEADS) + head;
  for (uint word = lane, i = 0u; word < uint(HEAD_DIM) / 2u; word += 32u, i++) {
    part_sums[row * uint(HEAD_DIM) + 2u * word] = sums[i].x;
    part_sums[row * uint(HEAD_DIM) + 2u * word + 1u] = sums[i].y;
  }
  if (lane == 0u) {
    part_softmax[2u * row] = largest;
    part_softmax[2u * row + 1u] = total;
  }
}
