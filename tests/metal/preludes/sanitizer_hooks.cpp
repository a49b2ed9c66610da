// The functions that `-fsanitize=thread` and `-fsanitize=alignment,bounds,shift` make the compiler
// call. Their libraries are never linked: the calls end here, so that kernels keep plain pointers
// and every access is seen.
#include <cstring>
#include "scheduler.h"
#include "tracer.h"

using namespace msl;

static void traced(void* address, size_t bytes, bool is_write, void* site) {
  if (!tracer) return;
  access_site = site;
  tracer->access(static_cast<char*>(address), unsigned(bytes), is_write, false);
}
#define SITE __builtin_return_address(0)
#define HOOKS(n)                                                                              \
  extern "C" void __tsan_read##n(void* p) { traced(p, n, false, SITE); }                      \
  extern "C" void __tsan_write##n(void* p) { traced(p, n, true, SITE); }                      \
  extern "C" void __tsan_unaligned_read##n(void* p) { traced(p, n, false, SITE); }            \
  extern "C" void __tsan_unaligned_write##n(void* p) { traced(p, n, true, SITE); }
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)
extern "C" void __tsan_read_range(void* p, size_t n) { traced(p, n, false, SITE); }
extern "C" void __tsan_write_range(void* p, size_t n) { traced(p, n, true, SITE); }
extern "C" void* __tsan_memcpy(void* to, const void* from, size_t n) {  // clang's
  traced(const_cast<void*>(from), n, false, SITE);
  traced(to, n, true, SITE);
  return memcpy(to, from, n);
}
extern "C" void* __tsan_memmove(void* to, const void* from, size_t n) {
  traced(const_cast<void*>(from), n, false, SITE);
  traced(to, n, true, SITE);
  return memmove(to, from, n);
}
extern "C" void* __tsan_memset(void* to, int value, size_t n) {
  traced(to, n, true, SITE);
  return memset(to, value, n);
}
extern "C" void __tsan_init() {}
extern "C" void __tsan_func_entry(void*) {}
extern "C" void __tsan_func_exit() {}
extern "C" void __tsan_vptr_update(void**, void*) {}

struct Place {  // how the undefined-behaviour sanitizer passes a source line
  const char* file;
  uint32_t line, column;
};
static bool is_in_kernel() {
  access_site = nullptr;
  return tracer && group && group->current;
}
extern "C" void __ubsan_handle_type_mismatch_v1(Place* at, uintptr_t address) {
  if (is_in_kernel()) fail("misaligned or null access at %p (%s:%u)", (void*)address, at->file, at->line);
}
extern "C" void __ubsan_handle_shift_out_of_bounds(Place* at, uintptr_t, uintptr_t by) {
  if (is_in_kernel()) fail("shift by %ld (%s:%u)", (long)by, at->file, at->line);
}
extern "C" void __ubsan_handle_out_of_bounds(Place* at, uintptr_t index) {
  if (is_in_kernel()) fail("array index %ld is out of bounds (%s:%u)", (long)index, at->file, at->line);
}

// Atomics are calls of ours, not of the compiler's, in both builds.
static float as_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
static uint32_t as_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}
static uint32_t combined(Atomic operation, Kind kind, uint32_t old, uint32_t value) {
  if (operation == Atomic::load) return old;
  if (operation == Atomic::store) return value;
  if (operation == Atomic::add)
    return kind == Kind::floating ? as_bits(as_float(old) + as_float(value)) : old + value;
  const bool is_larger = kind == Kind::floating         ? as_float(old) < as_float(value)
                         : kind == Kind::signed_integer ? int32_t(old) < int32_t(value)
                                                        : old < value;
  return is_larger ? value : old;
}
uint32_t msl::atomic(void* address, Atomic operation, uint32_t value, Kind kind) {
  if (tracer) {
    access_site = SITE;
    char* p = static_cast<char*>(address);
    if (operation != Atomic::store) tracer->access(p, 4, false, true);
    if (operation != Atomic::load) tracer->access(p, 4, true, true);
  }
  uint32_t* word = static_cast<uint32_t*>(address);
  uint32_t old = __atomic_load_n(word, __ATOMIC_RELAXED), next;
  do next = combined(operation, kind, old, value);
  while (!__atomic_compare_exchange_n(word, &old, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return old;
}
