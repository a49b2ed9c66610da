// Metal's half and bfloat on a CPU: explicit from float, implicit to float, round to nearest even.
#pragma once
#include <cstdint>
#include <cstring>

namespace metal {

#if defined(__aarch64__)
typedef __fp16 StoredHalf;  // GCC 12's C++ has no _Float16 there
#else
typedef _Float16 StoredHalf;
#endif

struct half {
  StoredHalf value;
  half() = default;
  explicit half(float f) : value(static_cast<StoredHalf>(f)) {}
  explicit half(int i) : half(static_cast<float>(i)) {}
  operator float() const { return static_cast<float>(value); }
};

struct bfloat {
  uint16_t bits;
  bfloat() = default;
  explicit bfloat(float f) {
    uint32_t u;
    std::memcpy(&u, &f, 4);
    const bool is_nan = f != f;
    bits = is_nan ? uint16_t(u >> 16 | 64) : uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
  }
  operator float() const {
    const uint32_t u = uint32_t(bits) << 16;
    float f;
    std::memcpy(&f, &u, 4);
    return f;
  }
};

// half op half is a half in Metal too; the subset has no arithmetic in bfloat.
#define MSL_HALF(op) \
  inline half operator op(half a, half b) { return half(float(a) op float(b)); }
MSL_HALF(+) MSL_HALF(-) MSL_HALF(*) MSL_HALF(/)
#undef MSL_HALF

}  // namespace metal
