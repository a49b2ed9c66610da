// Decode: attention of one token to the ring of a banded layer, with sinks.
//
// The sink is a key without a value: softmax starts with its logit as the only score.
//
// grid: KV_HEADS threadgroups of 32 * HEADS / KV_HEADS threads.
#include <metal_stdlib>
using namespace metal;
#include "attend.h"

template <int HEADS, int KV_HEADS, int HEAD_DIM, int SLOTS>
[[kernel]] void band_attention(
    const device bfloat16_t* q [[buffer(0)]],      // (HEADS, HEAD_DIM)
    const device bfloat16_t* ring [[buffer(1)]],   // (2, KV_HEADS, SLOTS, HEAD_DIM): keys, values
    const device bool* visible [[buffer(2)]],      // (SLOTS): what the token may look at
    const device bfloat16_t* sinks [[buffer(3)]],  // (HEADS)
    device bfloat16_t* out [[buffer(4)]],          // (HEADS, HEAD_DIM)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup uint key_tile[32 * (HEAD_DIM / 2 + 1)];
  threadgroup uint value_tile[32 * (HEAD_DIM / 2 + 1)];
  threadgroup float query[HEADS / KV_HEADS * HEAD_DIM];
  threadgroup float shares[HEADS / KV_HEADS * 32];
  const uint group_heads = uint(HEADS) / uint(KV_HEADS);
  const uint kv_head = threadgroup_position_in_grid.x;
  const uint head = kv_head * group_heads + simdgroup_index_in_threadgroup;
  const uint lane = thread_index_in_simdgroup;
  const uint threads = 32u * group_heads;
  const device bfloat16_t* keys = ring + kv_head * uint(SLOTS * HEAD_DIM);
  const device bfloat16_t* values = keys + KV_HEADS * SLOTS * HEAD_DIM;
  threadgroup float* own_query = query + simdgroup_index_in_threadgroup * uint(HEAD_DIM);

  for (uint i = lane; i < uint(HEAD_DIM); i += 32u) {
    own_query[i] = float(q[head * uint(HEAD_DIM) + i]) * rsqrt(float(HEAD_DIM));
  }
  float largest = float(sinks[head]);
  float total = 1.0f;
  float2 sums[(HEAD_DIM + 63) / 64];
  for (uint i = 0u; i < uint(HEAD_DIM + 63) / 64u; i++) {
    sums[i] = float2(0.0f);
  }
  for (uint first = 0u; first < uint(SLOTS); first += 32u) {
    const bool is_visible = first + lane < uint(SLOTS) && visible[first + lane];
    const uint shown = simd_sum(is_visible ? 1u << lane : 0u);
    if (shown != 0u) {  // the same for all threads
      threadgroup_barrier(mem_flags::mem_threadgroup);
      attend_stage<HEAD_DIM>(keys + first * uint(HEAD_DIM), values + first * uint(HEAD_DIM), shown,
                             thread_index_in_threadgroup, threads, key_tile, value_tile);
      threadgroup_barrier(mem_flags::mem_threadgroup);
      attend_block<HEAD_DIM>(own_query, key_tile, value_tile,
                             shares + 32u * simdgroup_index_in_threadgroup, shown, lane, largest,
                             total, sums);
    }
  }
  for (uint word = lane, i = 0u; word < uint(HEAD_DIM) / 2u; word += 32u, i++) {
    out[head * uint(HEAD_DIM) + 2u * word] = bfloat16_t(sums[i].x / total);
    out[head * uint(HEAD_DIM) + 2u * word + 1u] = bfloat16_t(sums[i].y / total);
  }
}
