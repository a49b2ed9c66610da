// Draws one token of 32 by adding Gumbel noise to their logits: the largest sum is a draw from the
// softmax, and the largest of many such winners is a draw from all of them.
#pragma once
#include <metal_stdlib>
using namespace metal;

// MurmurHash3's finaliser (public domain): every input bit moves every output bit.
inline uint sample_mix(uint bits) {
  bits = (bits ^ (bits >> 16)) * 0x85ebca6bu;
  bits = (bits ^ (bits >> 13)) * 0xc2b2ae35u;
  return bits ^ (bits >> 16);
}

// -log(E) of an exponential E = -log(1 - u). Who wins is decided where E is small, so u is taken
// near 0, where floats are dense. Depends on the place alone: any order of threads draws the same.
inline float sample_gumbel(uint token, uint seed0, uint seed1) {
  const uint bits = sample_mix(sample_mix(token ^ seed0) + seed1 * 0x9e3779b9u);
  const float u = (float(bits) + 0.5f) * 2.3283064e-10f;  // 2^-32
  const float exponential = u < 0.01f ? u * (1.0f + u * (0.5f + u * 0.33333333f)) : -log(1.0f - u);
  return -log(max(exponential, 1.0e-10f));
}

// A simdgroup of the eight leaves its four logits; the token of the best score, NaN aside, goes to
// the threadgroup's place in the outputs. `settings`: epsilon, 1 / temperature, noise (0 or 1).
template <int VOCABULARY>
inline void sample_best(float4 four_logits, const device float* settings,
                        const device uint32_t* seed, device float* logits,
                        device float* best_score, device uint32_t* best_token,
                        threadgroup float* scores, uint group, uint simdgroup, uint lane) {
  const uint first_token = 32u * group;
  if (lane < 4u) {
    const uint place = 4u * simdgroup + lane;
    const uint token = first_token + place;
    const float logit = lane < 2u ? (lane == 0u ? four_logits.x : four_logits.y)
                                  : (lane == 2u ? four_logits.z : four_logits.w);
    float score = -INFINITY;
    if (token < uint(VOCABULARY)) {
      logits[token] = logit;
      score = logit * settings[1];
      if (settings[2] != 0.0f) {
        score += sample_gumbel(token, seed[0], seed[1]);
      }
    }
    scores[place] = score;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simdgroup == 0u) {
    const float best = simd_max(scores[lane]);
    const uint winner = simd_min(scores[lane] == best ? lane : 31u);
    if (lane == 0u) {
      best_score[group] = best;
      best_token[group] = min(first_token + winner, uint(VOCABULARY) - 1u);
    }
  }
}
