// Route A: Metal's vocabulary as declarations for clang's C++ for OpenCL, which knows address
// spaces, forbids generic pointers here, and has no double. What Metal forbids and OpenCL too comes
// for free: threadgroup variables outside a kernel's own scope, program-scope variables outside
// `constant`, function pointers, statics, virtual functions.
#pragma once
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define device __global
#define threadgroup __local
#define constant __constant
#define thread __private

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef uchar uint8_t;
typedef ushort uint16_t;
typedef uint uint32_t;
typedef ulong uint64_t;
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long int64_t;
typedef unsigned long size_t;
typedef long ptrdiff_t;
enum bfloat : ushort {};  // a scalar of its own: to float implicitly, from float only if asked
typedef bfloat bfloat16_t;
typedef half float16_t;
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

#define STRICT_VECTORS(T)                                    \
  typedef T T##2 __attribute__((ext_vector_type(2)));        \
  typedef T T##3 __attribute__((ext_vector_type(3)));        \
  typedef T T##4 __attribute__((ext_vector_type(4)));
STRICT_VECTORS(float) STRICT_VECTORS(half) STRICT_VECTORS(int) STRICT_VECTORS(uint)
STRICT_VECTORS(short) STRICT_VECTORS(ushort) STRICT_VECTORS(char) STRICT_VECTORS(uchar)
STRICT_VECTORS(ulong)
#undef STRICT_VECTORS

namespace metal {

// `float4(...)` reaches these through macros below; `float4 v` stays the type.
#define STRICT_CONSTRUCTORS(T)                                                        \
  T##2 make_##T##2(T); T##2 make_##T##2(T, T);                                        \
  T##3 make_##T##3(T); T##3 make_##T##3(T, T, T);                                     \
  T##4 make_##T##4(T); T##4 make_##T##4(T, T, T, T);                                  \
  T##4 make_##T##4(T##2, T##2); T##4 make_##T##4(T##3, T);
STRICT_CONSTRUCTORS(float) STRICT_CONSTRUCTORS(half) STRICT_CONSTRUCTORS(int)
STRICT_CONSTRUCTORS(uint) STRICT_CONSTRUCTORS(short) STRICT_CONSTRUCTORS(ushort)
STRICT_CONSTRUCTORS(char) STRICT_CONSTRUCTORS(uchar)
#undef STRICT_CONSTRUCTORS
ulong2 make_ulong2(ulong, ulong);
float4 make_float4(half4); float4 make_float4(int4); float4 make_float4(uint4);
float4 make_float4(uchar4); float4 make_float4(ushort4);
float2 make_float2(half2); float2 make_float2(uint2);
half4 make_half4(float4); half2 make_half2(float2);
uint4 make_uint4(uchar4); uint4 make_uint4(int4); int4 make_int4(uint4);

template <typename To, typename From>
To as_type(From from) {
  return __builtin_astype(from, To);
}

#define STRICT_UNARY(name) \
  float name(float); float2 name(float2); float3 name(float3); float4 name(float4); half name(half);
#define STRICT_TRANSCENDENTAL                                                      \
  STRICT_UNARY(exp) STRICT_UNARY(exp2) STRICT_UNARY(log) STRICT_UNARY(log2)        \
  STRICT_UNARY(sqrt) STRICT_UNARY(rsqrt) STRICT_UNARY(sin) STRICT_UNARY(cos)       \
  STRICT_UNARY(tanh) float pow(float, float);
STRICT_TRANSCENDENTAL
namespace precise { STRICT_TRANSCENDENTAL }
namespace fast { STRICT_TRANSCENDENTAL }
STRICT_UNARY(abs) STRICT_UNARY(fabs) STRICT_UNARY(floor) STRICT_UNARY(ceil) STRICT_UNARY(trunc)
STRICT_UNARY(rint) STRICT_UNARY(round) STRICT_UNARY(saturate)
int abs(int);
#define STRICT_ORDERED(T) T min(T, T); T max(T, T); T clamp(T, T, T); T select(T, T, bool);
STRICT_ORDERED(float) STRICT_ORDERED(half) STRICT_ORDERED(int) STRICT_ORDERED(uint)
STRICT_ORDERED(short) STRICT_ORDERED(ushort)
float fma(float, float, float); float2 fma(float2, float2, float2); float4 fma(float4, float4, float4);
half fma(half, half, half);
float dot(float2, float2); float dot(float3, float3); float dot(float4, float4); half dot(half4, half4);
uint popcount(uint);

enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2, mem_texture = 4 };
void threadgroup_barrier(mem_flags);
void simdgroup_barrier(mem_flags);
#define STRICT_SIMD(T)                                                                      \
  T simd_sum(T); T simd_max(T); T simd_min(T); T simd_product(T); T simd_shuffle(T, ushort); \
  T simd_shuffle_xor(T, ushort); T simd_shuffle_up(T, ushort); T simd_shuffle_down(T, ushort); \
  T simd_broadcast(T, ushort); T simd_broadcast_first(T);                                   \
  T simd_prefix_inclusive_sum(T); T simd_prefix_exclusive_sum(T);
STRICT_SIMD(float) STRICT_SIMD(half) STRICT_SIMD(int) STRICT_SIMD(uint)
STRICT_SIMD(float2) STRICT_SIMD(float4) STRICT_SIMD(uint2) STRICT_SIMD(uint4)
bool simd_all(bool);
bool simd_any(bool);

template <typename T, int Columns, int Rows>
struct simdgroup_matrix {
  T elements[2];
  // OpenCL's own assignment wants the generic address space, which is off here.
  void operator=(simdgroup_matrix other) thread;
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;
template <typename T, int Columns, int Rows>
simdgroup_matrix<T, Columns, Rows> make_filled_simdgroup_matrix(T value);
#define STRICT_MATRIX_MEMORY(space)                                                           \
  template <typename T>                                                                       \
  void simdgroup_load(thread simdgroup_matrix<T, 8, 8>& m, const space T* p, ulong stride);   \
  template <typename T>                                                                       \
  void simdgroup_load(thread simdgroup_matrix<T, 8, 8>& m, const space T* p, ulong stride,    \
                      ulong2 origin, bool transposed);                                        \
  template <typename T>                                                                       \
  void simdgroup_store(const thread simdgroup_matrix<T, 8, 8>& m, space T* p, ulong stride);
STRICT_MATRIX_MEMORY(device) STRICT_MATRIX_MEMORY(threadgroup)
template <typename D, typename A, typename B>
void simdgroup_multiply_accumulate(thread simdgroup_matrix<D, 8, 8>& d,
                                   const thread simdgroup_matrix<A, 8, 8>& a,
                                   const thread simdgroup_matrix<B, 8, 8>& b,
                                   const thread simdgroup_matrix<D, 8, 8>& c);

enum memory_order { memory_order_relaxed };
template <typename T>
struct _atomic {
  T v;
};
#define STRICT_ATOMICS(space)                                                                  \
  template <typename T> T atomic_load_explicit(const space _atomic<T>* p, memory_order);       \
  template <typename T> void atomic_store_explicit(space _atomic<T>* p, T v, memory_order);    \
  template <typename T> T atomic_fetch_add_explicit(space _atomic<T>* p, T v, memory_order);   \
  template <typename T> T atomic_fetch_max_explicit(space _atomic<T>* p, T v, memory_order);
STRICT_ATOMICS(device) STRICT_ATOMICS(threadgroup)

}  // namespace metal
using namespace metal;
#define atomic_uint _atomic<uint>
#define atomic_int _atomic<int>
#define atomic_float _atomic<float>
#define float2(...) make_float2(__VA_ARGS__)
#define float3(...) make_float3(__VA_ARGS__)
#define float4(...) make_float4(__VA_ARGS__)
#define half2(...) make_half2(__VA_ARGS__)
#define half4(...) make_half4(__VA_ARGS__)
#define int2(...) make_int2(__VA_ARGS__)
#define int4(...) make_int4(__VA_ARGS__)
#define uint2(...) make_uint2(__VA_ARGS__)
#define uint3(...) make_uint3(__VA_ARGS__)
#define uint4(...) make_uint4(__VA_ARGS__)
#define ulong2(...) make_ulong2(__VA_ARGS__)
