// gpt-oss' activation: gate * sigmoid(1.702 * gate) * (up + 1), both clamped.
#pragma once
#include <metal_stdlib>
using namespace metal;

// Comparisons, not min and max: those would drop a NaN.
inline float swiglu(float gate, float up, float limit) {
  const float g = gate > limit ? limit : gate;
  const float u = up > limit ? limit : (up < -limit ? -limit : up);
  return g / (1.0f + exp(-1.702f * g)) * (u + 1.0f);
}
