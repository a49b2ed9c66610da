// Decode attention, the part that banded and full layers share: one threadgroup serves one KV head
// with a simdgroup for each query head that reads it, so that every key and value is read once.
//
// Keys go by blocks of 32, one a lane. Softmax is built up block by block: `largest` is the largest
// score so far, `total` and `sums` are relative to it.
#pragma once
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"

constant constexpr float ATTEND_LOWEST = -3.0e38f;  // below any score, yet it can be subtracted

// Copies the keys and values whose bit is set in `shown` to tiles of 32 rows of HEAD_DIM / 2 + 1
// words (one to spare, so that lanes that read down a column meet different banks).
template <int HEAD_DIM>
inline void attend_stage(const device bfloat16_t* keys, const device bfloat16_t* values, uint shown,
                         uint thread_index, uint threads, threadgroup uint* key_tile,
                         threadgroup uint* value_tile) {
  const uint row_loads = uint(HEAD_DIM) / 4u;
  const uint row_words = uint(HEAD_DIM) / 2u + 1u;
  for (uint i = thread_index; i < 32u * row_loads; i += threads) {
    const uint row = i / row_loads;
    const uint column = i % row_loads;
    uint2 key = uint2(0u, 0u);
    uint2 value = uint2(0u, 0u);
    if (((shown >> row) & 1u) == 1u) {
      key = bf16x4_at(keys + row * uint(HEAD_DIM))[column];
      value = bf16x4_at(values + row * uint(HEAD_DIM))[column];
    }
    key_tile[row * row_words + 2u * column] = key.x;
    key_tile[row * row_words + 2u * column + 1u] = key.y;
    value_tile[row * row_words + 2u * column] = value.x;
    value_tile[row * row_words + 2u * column + 1u] = value.y;
  }
}

// One query head, already scaled, sees a staged block. A lane's `sums` are HEAD_DIM / 64 pairs of
// dimensions (one at least): word lane, lane + 32, … of a row.
template <int HEAD_DIM>
inline void attend_block(const threadgroup float* query, const threadgroup uint* key_tile,
                         const threadgroup uint* value_tile, threadgroup float* shares, uint shown,
                         uint lane, thread float& largest, thread float& total,
                         thread float2* sums) {
  const uint words = uint(HEAD_DIM) / 2u;
  float score = 0.0f;
  for (uint i = 0u; i < words; i++) {
    const float2 key = bf16x2(key_tile[lane * (words + 1u) + i]);
    score = fma(query[2u * i], key.x, fma(query[2u * i + 1u], key.y, score));
  }
  const bool is_shown = ((shown >> lane) & 1u) == 1u;
  const float before = largest;
  largest = max(before, simd_max(is_shown ? score : ATTEND_LOWEST));
  const float keep = exp(before - largest);
  const float share = is_shown ? exp(score - largest) : 0.0f;
  total = total * keep + simd_sum(share);
  shares[lane] = share;
  simdgroup_barrier(mem_flags::mem_threadgroup);
  for (uint word = lane, i = 0u; word < words; word += 32u, i++) {
    float2 sum = sums[i] * keep;
    for (uint key = 0u; key < 32u; key++) {
      sum += bf16x2(value_tile[key * (words + 1u) + word]) * shares[key];
    }
    sums[i] = sum;
  }
}
