// What the kernels in metal/ use of Metal, in one place: run by the tests of the harness alone.
#include <metal_stdlib>
using namespace metal;

constant constexpr uint LANES = 32;
constant float TABLE[4] = {0.5f, 1.0f, 2.0f, 4.0f};

inline float from_bfloat_bits(uint bits) { return as_type<float>(bits << 16); }

template <typename T, int K>
[[kernel]] void vocabulary(
    const device T* a [[buffer(0)]],            // (8, K)
    const device T* b [[buffer(1)]],            // (K, 8)
    const device uint16_t* numbers [[buffer(2)]],  // (32), bits of bfloat16
    device float* product [[buffer(3)]],        // (8, 8): a b
    device uint32_t* lanes [[buffer(4)]],       // (3, 32): shuffles, prefix sums, an atomic counter
    device bfloat16_t* halves [[buffer(5)]],    // (32): numbers doubled, through threadgroup memory
    uint thread_index_in_simdgroup [[thread_index_in_simdgroup]]) {
  threadgroup float tile[64];
  threadgroup bfloat16_t doubled[32];
  threadgroup atomic_uint counter[1];
  const uint lane = thread_index_in_simdgroup;

  simdgroup_matrix<T, 8, 8> left;
  simdgroup_matrix<T, 8, 8> right;
  simdgroup_float8x8 sum = make_filled_simdgroup_matrix<float, 8, 8>(0.0f);
  for (int k = 0; k < K; k += 8) {
    simdgroup_load(left, a + k, K);
    simdgroup_load(right, b + k * 8, 8);
    simdgroup_multiply_accumulate(sum, left, right, sum);
  }
  simdgroup_store(sum, tile, 8);
  if (lane == 0u) {
    atomic_store_explicit(&counter[0], 0u, memory_order_relaxed);
  }
  simdgroup_barrier(mem_flags::mem_threadgroup);
  const float2 pair = float2(tile[2u * lane], tile[2u * lane + 1u]);
  const float2 swapped = float4(pair.y, pair.x, pair.x, pair.y).zw * TABLE[1];
  product[2u * lane] = swapped.x;
  product[2u * lane + 1u] = swapped.y;

  lanes[lane] = simd_shuffle_xor(lane, ushort(1)) + 100u * simd_broadcast(lane, ushort(7));
  lanes[LANES + lane] = simd_prefix_exclusive_sum(lane) + simd_max(lane);
  atomic_fetch_add_explicit(&counter[0], lane, memory_order_relaxed);
  simdgroup_barrier(mem_flags::mem_threadgroup);
  lanes[2u * LANES + lane] = atomic_load_explicit(&counter[0], memory_order_relaxed);

  const half2 two = half2(half(2.0f), half(3.0f));
  doubled[31u - lane] = bfloat16_t(float((two * two).x) * 0.5f * from_bfloat_bits(uint(numbers[lane])));
  simdgroup_barrier(mem_flags::mem_threadgroup);
  halves[lane] = doubled[31u - lane];
}
