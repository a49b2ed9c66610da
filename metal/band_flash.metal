// Prefill: attention of banded layers, 32 queries of one head at a time.
//
// Such a tile sees WINDOW + 31 positions in a row, so all its scores fit in threadgroup memory
// (164 of them a query at WINDOW 128): softmax is taken once, over the scores and the head's sink.
// A simdgroup serves eight queries. Products of queries and keys are of bfloat16, those of shares
// and values of float32, so that no share is rounded.
//
// grid: 128 * ceil(length / 32) by HEADS threads in groups of 128.
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"

template <int HEADS, int KV_HEADS, int HEAD_DIM, int WINDOW>
[[kernel]] void band_flash(
    const device bfloat16_t* q [[buffer(0)]],      // (HEADS, length, HEAD_DIM)
    const device bfloat16_t* kv [[buffer(1)]],     // (2, KV_HEADS, WINDOW + length, HEAD_DIM)
    const device bfloat16_t* sinks [[buffer(2)]],  // (HEADS)
    const device uint32_t* extent [[buffer(3)]],   // (8): length; how many of the first WINDOW
                                                   // positions, the last ones, hold something
    device bfloat16_t* out [[buffer(4)]],          // (length, HEADS, HEAD_DIM)
    uint3 threadgroup_position_in_grid [[threadgroup_position_in_grid]],
    uint thread_index_in_threadgroup [[thread_index_in_threadgroup]],
    uint simdgroup_index_in_threadgroup [[simdgroup_index_in_threadgroup]],
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup float scores[32 * (WINDOW + 36)];   // WINDOW + 32 keys, 4 to spare
  threadgroup float tile[32 * (HEAD_DIM + 4)];    // queries and keys as bfloat16, values as float
  const uint score_row = uint(WINDOW) + 36u;
  const uint value_row = uint(HEAD_DIM) + 4u;
  const uint row_loads = uint(HEAD_DIM) / 4u;
  const uint thread_index = thread_index_in_threadgroup;
  const uint lane = thread_index_in_simdgroup;
  const uint head = threadgroup_position_in_grid.y;
  const uint first_query = 32u * threadgroup_position_in_grid.x;
  const uint first_own = 8u * simdgroup_index_in_threadgroup;  // of the tile's queries
  const uint length = extent[0];
  const uint first_known = uint(WINDOW) - extent[1];
  const uint positions = uint(WINDOW) + length;
  const size_t head_values = size_t(positions) * size_t(HEAD_DIM);
  const device bfloat16_t* queries = q + size_t(head * length) * size_t(HEAD_DIM);
  const device bfloat16_t* keys = kv + size_t(head / uint(HEADS / KV_HEADS)) * head_values;
  const device bfloat16_t* values = keys + size_t(KV_HEADS) * head_values;
  threadgroup bfloat16_t* narrow = reinterpret_cast<threadgroup bfloat16_t*>(tile);

  for (uint i = thread_index; i < 32u * uint(HEAD_DIM); i += 128u) {
    const uint query = first_query + i / uint(HEAD_DIM);
    narrow[i / uint(HEAD_DIM) * (value_row + 4u) + i % uint(HEAD_DIM)] =
        query < length ? queries[query * uint(HEAD_DIM) + i % uint(HEAD_DIM)] : bfloat16_t(0.0f);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  simdgroup_matrix<bfloat16_t, 8, 8> query_parts[HEAD_DIM / 8];
  for (uint i = 0u; i < uint(HEAD_DIM) / 8u; i++) {
    simdgroup_load(query_parts[i], narrow + first_own * (value_row + 4u) + 8u * i, HEAD_DIM + 8);
  }

  // Scores: keys transposed, (dimension, key), rows of 32 keys and 8 to spare.
  for (uint block = 0u; block < uint(WINDOW) / 32u + 1u; block++) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint i = thread_index; i < 32u * uint(HEAD_DIM); i += 128u) {
      const uint key = i / uint(HEAD_DIM);
      const uint position = first_query + 32u * block + key;
      const bool holds = position < positions && position >= first_known;
      narrow[i % uint(HEAD_DIM) * 40u + key] =
          holds ? keys[size_t(position) * size_t(HEAD_DIM) + i % uint(HEAD_DIM)] : bfloat16_t(0.0f);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint column = 0u; column < 32u; column += 8u) {
      simdgroup_float8x8 sum = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
      for (uint i = 0u; i < uint(HEAD_DIM) / 8u; i++) {
        simdgroup_matrix<bfloat16_t, 8, 8> key_part;
        simdgroup_load(key_part, narrow + i * 320u + column, 40);
        simdgroup_multiply_accumulate(sum, query_parts[i], key_part, sum);
      }
      simdgroup_store(sum, scores + first_own * score_row + 32u * block + column, WINDOW + 36);
    }
  }
  simdgroup_barrier(mem_flags::mem_threadgroup);

  // Softmax: four lanes a query. Query i of the tile sees its keys i + 1 to i + WINDOW.
  const uint own = first_own + lane / 4u;
  threadgroup float* own_scores = scores + own * score_row;
  const float sink = float(sinks[head]);
  float largest = sink;
  for (uint key = lane & 3u; key < uint(WINDOW) + 32u; key += 4u) {
    const uint position = first_query + key;
    const bool sees = key > own && key <= own + uint(WINDOW) && position >= first_known &&
                      position < positions;
    const float score = own_scores[key] * rsqrt(float(HEAD_DIM));
    own_scores[key] = sees ? score : -INFINITY;
    largest = sees ? max(largest, score) : largest;
  }
  largest = max(largest, simd_shuffle_xor(largest, ushort(1)));
  largest = max(largest, simd_shuffle_xor(largest, ushort(2)));
  float total = 0.0f;
  for (uint key = lane & 3u; key < uint(WINDOW) + 32u; key += 4u) {
    const float share = exp(own_scores[key] - largest);
    own_scores[key] = share;
    total += share;
  }
  total += simd_shuffle_xor(total, ushort(1));
  total += simd_shuffle_xor(total, ushort(2));
  total += exp(sink - largest);

  simdgroup_float8x8 sums[HEAD_DIM / 8];
  for (uint i = 0u; i < uint(HEAD_DIM) / 8u; i++) {
    sums[i] = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  }
  for (uint block = 0u; block < uint(WINDOW) / 32u + 1u; block++) {
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint i = thread_index; i < 32u * row_loads; i += 128u) {
      const uint position = first_query + 32u * block + i / row_loads;
      float4 value = float4(0.0f);
      if (position < positions && position >= first_known) {
        value = bf16x4(bf16x4_at(values + size_t(position) * size_t(HEAD_DIM))[i % row_loads]);
      }
      const uint at = i / row_loads * value_row + 4u * (i % row_loads);
      tile[at] = value.x;
      tile[at + 1u] = value.y;
      tile[at + 2u] = value.z;
      tile[at + 3u] = value.w;
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint key = 0u; key < 32u; key += 8u) {
      simdgroup_float8x8 share_part;
      simdgroup_load(share_part, scores + first_own * score_row + 32u * block + key, WINDOW + 36);
      for (uint i = 0u; i < uint(HEAD_DIM) / 8u; i++) {
        simdgroup_float8x8 value_part;
        simdgroup_load(value_part, tile + key * value_row + 8u * i, HEAD_DIM + 4);
        simdgroup_multiply_accumulate(sums[i], share_part, value_part, sums[i]);
      }
    }
  }
  simdgroup_barrier(mem_flags::mem_threadgroup);
  for (uint i = 0u; i < uint(HEAD_DIM) / 8u; i++) {  // over this simdgroup's own shares
    simdgroup_store(sums[i], scores + first_own * score_row + 8u * i, WINDOW + 36);
  }
  simdgroup_barrier(mem_flags::mem_threadgroup);
  if (first_query + own < length) {
    device bfloat16_t* to = out + size_t((first_query + own) * uint(HEADS) + head) * size_t(HEAD_DIM);
    for (uint i = lane & 3u; i < uint(HEAD_DIM); i += 4u) {
      to[i] = bfloat16_t(own_scores[i] / total);
    }
  }
}
