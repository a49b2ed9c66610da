// MXFP4 as published: blocks of 32 e2m1 values, the first in the lowest bits, that share one
// exponent, biased by 127.
//
// e2m1 is read as half: its exponent and mantissa, moved to the last two bits of half's exponent and
// the first of its mantissa, mean the same number times 2^-14, subnormals included. Half keeps its
// subnormals on every GPU; float32 may lose them. MXFP4_UNIT puts the 2^14 back.
#pragma once
#include <metal_stdlib>
using namespace metal;
#include "bf16.h"

constant constexpr float MXFP4_UNIT = 16384.0f;

// Values i and i + 4 of the eight in a word that was shifted right by 4 i.
inline half2 mxfp4_pair(uint word) {
  return as_type<half2>(((word & 0x00070007u) << 9) | ((word & 0x00080008u) << 12));
}

// Eight values, in units of MXFP4_UNIT, times eight others.
inline float mxfp4_dot8(uint word, float4 first, float4 last) {
  const half2 a = mxfp4_pair(word);
  const half2 b = mxfp4_pair(word >> 4);
  const half2 c = mxfp4_pair(word >> 8);
  const half2 d = mxfp4_pair(word >> 12);
  return dot(float4(float(a.x), float(b.x), float(c.x), float(d.x)), first) +
         dot(float4(float(a.y), float(b.y), float(c.y), float(d.y)), last);
}

// 2^(exponent - 127). The smallest, 2^-127, is a subnormal that GPUs flush: it becomes zero here.
inline float mxfp4_scale(uint8_t exponent) { return as_type<float>(uint(exponent) << 23); }

// One block of four neighbouring rows times its 32 inputs, which lie in threadgroup memory by fours,
// `stride` apart. `words` and `exponents` begin at the first row.
inline float4 mxfp4_four_rows(const device uint2* words, const device uint8_t* exponents,
                              uint row_blocks, uint block, const threadgroup uint2* inputs,
                              uint stride) {
  float4 products = float4(0.0f);
  for (uint part = 0u; part < 2u; part++) {  // 16 inputs, 8 bytes of each row
    const threadgroup uint2* fours = inputs + 4u * part * stride;
    const float4 x0 = bf16x4(fours[0]);
    const float4 x1 = bf16x4(fours[stride]);
    const float4 x2 = bf16x4(fours[2u * stride]);
    const float4 x3 = bf16x4(fours[3u * stride]);
    for (uint r = 0u; r < 4u; r++) {
      const uint2 word = words[2u * (r * row_blocks + block) + part];
      products[r] += mxfp4_dot8(word.x, x0, x1) + mxfp4_dot8(word.y, x2, x3);
    }
  }
  const device uint8_t* own = exponents + block;
  return products * MXFP4_UNIT *
         float4(mxfp4_scale(own[0]), mxfp4_scale(own[row_blocks]),
                mxfp4_scale(own[2u * row_blocks]), mxfp4_scale(own[3u * row_blocks]));
}
