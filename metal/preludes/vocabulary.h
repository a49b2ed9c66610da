// Metal's vectors and mathematics for compilers that lack them: the part of <metal_stdlib> that is
// the same on a CPU and on CUDA. Whoever includes it has defined MSL_FUNCTION, uint, ushort, uchar,
// and half and bfloat with an explicit conversion from float and an implicit one to it.
#pragma once
namespace metal {

// ---- vectors: T2, T3, T4 with the swizzles that the subset allows ----

template <typename T, int N>
struct vec;

template <typename T>
struct alignas(2 * sizeof(T)) vec<T, 2> {
  T x, y;
  vec() = default;
  MSL_FUNCTION explicit vec(T s) : x(s), y(s) {}
  MSL_FUNCTION vec(T a, T b) : x(a), y(b) {}
  template <typename U>
  MSL_FUNCTION explicit vec(vec<U, 2> v) : x(T(v.x)), y(T(v.y)) {}
  MSL_FUNCTION T& operator[](int i) { return (&x)[i]; }
  MSL_FUNCTION const T& operator[](int i) const { return (&x)[i]; }
};

template <typename T>
struct alignas(4 * sizeof(T)) vec<T, 3> {
  union {
    struct { T x, y, z; };
    vec<T, 2> xy;
  };
  vec() = default;
  MSL_FUNCTION explicit vec(T s) : x(s), y(s), z(s) {}
  MSL_FUNCTION vec(T a, T b, T c) : x(a), y(b), z(c) {}
  template <typename U>
  MSL_FUNCTION explicit vec(vec<U, 3> v) : x(T(v.x)), y(T(v.y)), z(T(v.z)) {}
  MSL_FUNCTION T& operator[](int i) { return (&x)[i]; }
  MSL_FUNCTION const T& operator[](int i) const { return (&x)[i]; }
};

template <typename T>
struct alignas(4 * sizeof(T)) vec<T, 4> {
  union {
    struct { T x, y, z, w; };
    struct { vec<T, 2> xy, zw; };
    vec<T, 3> xyz;
  };
  vec() = default;
  MSL_FUNCTION explicit vec(T s) : x(s), y(s), z(s), w(s) {}
  MSL_FUNCTION vec(T a, T b, T c, T d) : x(a), y(b), z(c), w(d) {}
  MSL_FUNCTION vec(vec<T, 2> a, vec<T, 2> b) : x(a.x), y(a.y), z(b.x), w(b.y) {}
  template <typename U>
  MSL_FUNCTION explicit vec(vec<U, 4> v) : x(T(v.x)), y(T(v.y)), z(T(v.z)), w(T(v.w)) {}
  MSL_FUNCTION T& operator[](int i) { return (&x)[i]; }
  MSL_FUNCTION const T& operator[](int i) const { return (&x)[i]; }
};

#define MSL_VECTORS(T)       \
  typedef vec<T, 2> T##2;    \
  typedef vec<T, 3> T##3;    \
  typedef vec<T, 4> T##4;
MSL_VECTORS(float) MSL_VECTORS(half) MSL_VECTORS(bfloat)
MSL_VECTORS(int) MSL_VECTORS(uint) MSL_VECTORS(short) MSL_VECTORS(ushort)
MSL_VECTORS(char) MSL_VECTORS(uchar)
#undef MSL_VECTORS

#define MSL_OPERATOR(op)                                                                   \
  template <typename T, int N>                                                             \
  MSL_FUNCTION vec<T, N> operator op(vec<T, N> a, vec<T, N> b) {                           \
    vec<T, N> result;                                                                      \
    for (int i = 0; i < N; i++) result[i] = T(a[i] op b[i]);                               \
    return result;                                                                         \
  }                                                                                        \
  template <typename T, int N>                                                             \
  MSL_FUNCTION vec<T, N> operator op(vec<T, N> a, T b) { return a op vec<T, N>(b); }       \
  template <typename T, int N>                                                             \
  MSL_FUNCTION vec<T, N> operator op(T a, vec<T, N> b) { return vec<T, N>(a) op b; }       \
  template <typename T, int N>                                                             \
  MSL_FUNCTION vec<T, N>& operator op##=(vec<T, N>& a, vec<T, N> b) { return a = a op b; } \
  template <typename T, int N>                                                             \
  MSL_FUNCTION vec<T, N>& operator op##=(vec<T, N>& a, T b) { return a = a op b; }
MSL_OPERATOR(+) MSL_OPERATOR(-) MSL_OPERATOR(*) MSL_OPERATOR(/) MSL_OPERATOR(%)
MSL_OPERATOR(&) MSL_OPERATOR(|) MSL_OPERATOR(^) MSL_OPERATOR(<<) MSL_OPERATOR(>>)
#undef MSL_OPERATOR

template <typename T, int N>
MSL_FUNCTION vec<T, N> operator-(vec<T, N> a) {
  return vec<T, N>(T(0)) - a;
}

template <typename To, typename From>
MSL_FUNCTION To as_type(From from) {
  static_assert(sizeof(To) == sizeof(From), "as_type keeps the size");
  To to;
  memcpy(&to, &from, sizeof(To));
  return to;
}

// ---- mathematics, on float and on vectors of it ----

#define MSL_UNARY(name, expression)                            \
  MSL_FUNCTION float name(float x) { return expression; }      \
  template <int N>                                             \
  MSL_FUNCTION vec<float, N> name(vec<float, N> v) {           \
    for (int i = 0; i < N; i++) v[i] = name(v[i]);             \
    return v;                                                  \
  }
#define MSL_TRANSCENDENTAL                                                              \
  MSL_UNARY(exp, ::expf(x)) MSL_UNARY(exp2, ::exp2f(x)) MSL_UNARY(log, ::logf(x))       \
  MSL_UNARY(log2, ::log2f(x)) MSL_UNARY(sqrt, ::sqrtf(x))                               \
  MSL_UNARY(rsqrt, 1.0f / ::sqrtf(x)) MSL_UNARY(sin, ::sinf(x)) MSL_UNARY(cos, ::cosf(x)) \
  MSL_UNARY(tanh, ::tanhf(x))                                                           \
  MSL_FUNCTION float pow(float a, float b) { return ::powf(a, b); }
MSL_TRANSCENDENTAL
namespace precise { MSL_TRANSCENDENTAL }
namespace fast { MSL_TRANSCENDENTAL }
MSL_UNARY(abs, ::fabsf(x)) MSL_UNARY(fabs, ::fabsf(x)) MSL_UNARY(floor, ::floorf(x))
MSL_UNARY(ceil, ::ceilf(x)) MSL_UNARY(trunc, ::truncf(x)) MSL_UNARY(rint, ::rintf(x))
MSL_UNARY(round, ::roundf(x)) MSL_UNARY(saturate, x < 0.0f ? 0.0f : x > 1.0f ? 1.0f : x)
#undef MSL_TRANSCENDENTAL
#undef MSL_UNARY

MSL_FUNCTION float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
template <int N>
MSL_FUNCTION vec<float, N> fma(vec<float, N> a, vec<float, N> b, vec<float, N> c) {
  for (int i = 0; i < N; i++) c[i] = ::fmaf(a[i], b[i], c[i]);
  return c;
}

#define MSL_ORDERED(T)                                                           \
  MSL_FUNCTION T min(T a, T b) { return b < a ? b : a; }                         \
  MSL_FUNCTION T max(T a, T b) { return a < b ? b : a; }                         \
  MSL_FUNCTION T clamp(T v, T low, T high) { return min(max(v, low), high); }    \
  MSL_FUNCTION T select(T a, T b, bool second) { return second ? b : a; }
MSL_ORDERED(int) MSL_ORDERED(uint) MSL_ORDERED(short) MSL_ORDERED(ushort) MSL_ORDERED(half)
#undef MSL_ORDERED
// Metal's float minimum and maximum drop a NaN, as C's do.
MSL_FUNCTION float min(float a, float b) { return ::fminf(a, b); }
MSL_FUNCTION float max(float a, float b) { return ::fmaxf(a, b); }
MSL_FUNCTION float clamp(float v, float low, float high) { return ::fminf(::fmaxf(v, low), high); }
MSL_FUNCTION float select(float a, float b, bool second) { return second ? b : a; }

template <typename T, int N>
MSL_FUNCTION T dot(vec<T, N> a, vec<T, N> b) {
  T sum = a[0] * b[0];
  for (int i = 1; i < N; i++) sum = sum + a[i] * b[i];
  return sum;
}
MSL_FUNCTION uint popcount(uint x) {
  uint count = 0;
  for (; x; x &= x - 1) count++;
  return count;
}

enum class mem_flags { mem_none = 0, mem_device = 1, mem_threadgroup = 2 };
enum memory_order { memory_order_relaxed };

template <typename T>
struct _atomic {
  T v;
};
typedef _atomic<uint> atomic_uint;
typedef _atomic<int> atomic_int;
typedef _atomic<float> atomic_float;

}  // namespace metal
