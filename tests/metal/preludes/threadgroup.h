// One threadgroup on one CPU thread: what the kernel's vocabulary (cpu.h) and the runtime share.
//
// Each of Metal's threads is a fiber, a stack of its own. A fiber runs until it needs the others:
// at a barrier or a simd operation it puts down its value, says where it waits and switches to the
// scheduler. When all 32 lanes of a simdgroup (or all threads, for a barrier) wait at the same
// operation on the same line, they go on; if some wait elsewhere, that is divergence, an error.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace msl {

constexpr uint32_t SIMD_WIDTH = 32;
constexpr size_t THREADGROUP_BYTES = 32 << 10;  // what Metal grants a threadgroup

enum class State : uint8_t { running, at_simd_operation, at_barrier, finished };

// Counts barriers passed, by the memory they order. A memory access remembers the counts of its
// time: an access by another thread comes after it only if a barrier lies between.
enum Memory { DEVICE, THREADGROUP, MEMORIES };

struct Thread {
  void* stack;  // where to go on, while the fiber sleeps
  uint32_t index, lane, simdgroup;
  State state;
  const char* operation;  // it waits at
  int line;
  uint32_t fence;  // mem_flags of that barrier
  uint8_t turn;    // which of the two slots: the last value may still be read by slower lanes
  alignas(16) unsigned char slot[2][32];
};

struct Threadgroup {
  Thread* threads;
  uint32_t size, simdgroups;
  Thread* current;
  void* scheduler;  // the scheduler's own stack
  uint32_t position[3], per_grid[3], shape[3];
  char* memory;  // threadgroup arrays
  size_t memory_used;
  size_t array_offset[64];
  bool array_known[64];
  uint32_t serial;  // of this threadgroup in the launch, from 1
  uint32_t barriers[MEMORIES], simd_barriers[32][MEMORIES];
  bool failed;
  char error[512];
};

extern thread_local Threadgroup* group;  // the one that this CPU thread runs

void wait(State state, const char* operation, int line, uint32_t fence);
void* threadgroup_array(int id, size_t bytes);
[[noreturn]] void fail(const char* format, ...);

enum class Atomic { load, store, add, max };
enum class Kind { unsigned_integer, signed_integer, floating };
uint32_t atomic(void* address, Atomic operation, uint32_t value, Kind kind);

// Puts down this lane's value, waits for the simdgroup, and returns its 32 threads.
template <typename T>
inline const Thread* exchange(const T& value, const char* operation, int line) {
  static_assert(sizeof(T) <= 32, "too wide for a simd operation");
  Thread* thread = group->current;
  thread->turn ^= 1;
  std::memcpy(thread->slot[thread->turn], &value, sizeof(T));
  wait(State::at_simd_operation, operation, line, 0);
  return group->threads + thread->simdgroup * SIMD_WIDTH;
}
template <typename T>
inline T value_of(const Thread* lanes, uint32_t lane) {
  T value;
  std::memcpy(&value, lanes[lane].slot[group->current->turn], sizeof(T));
  return value;
}

}  // namespace msl
