// bfloat16, four values at a time.
//
// A bfloat16 is the upper half of a float32. Weights come straight from a safetensors file, which
// aligns to 8 bytes and no more, so 8 bytes, a uint2, is the widest load there is.
#pragma once
#include <metal_stdlib>
using namespace metal;

inline float4 bf16x4(uint2 bits) {
  return float4(as_type<float>(bits.x << 16), as_type<float>(bits.x & 0xffff0000u),
                as_type<float>(bits.y << 16), as_type<float>(bits.y & 0xffff0000u));
}

inline float2 bf16x2(uint bits) {
  return float2(as_type<float>(bits << 16), as_type<float>(bits & 0xffff0000u));
}

inline const device uint2* bf16x4_at(const device bfloat16_t* values) {
  return reinterpret_cast<const device uint2*>(values);
}
