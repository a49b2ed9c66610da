// Examines each memory access of the checked build: bounds, alignment, initialisation, races.
#include "tracer.h"

#include <dlfcn.h>
#include <cstdio>
#include "scheduler.h"

namespace msl {

Tracer* tracer;

// Did `earlier` certainly happen before `now`? Only barriers order two threads: a threadgroup's
// for all of it, a simdgroup's for its lanes. Nothing orders two threadgroups.
static bool happens_before(const Access& earlier, const Access& now) {
  if (earlier.threadgroup != now.threadgroup) return false;
  if (earlier.thread == now.thread) return true;
  if (earlier.barriers < now.barriers) return true;
  const bool same_simdgroup = earlier.thread / SIMD_WIDTH == now.thread / SIMD_WIDTH;
  return same_simdgroup && earlier.simd_barriers < now.simd_barriers;
}

static void remember_read(History& history, const Access& now) {
  const Access before = history.read;
  if (before.threadgroup && before.threadgroup != now.threadgroup) {
    history.read_by_several_threadgroups = true;
    history.read_other_group = history.read_neighbour = Access{};
  } else if (before.threadgroup && before.thread != now.thread) {
    if (before.thread / SIMD_WIDTH == now.thread / SIMD_WIDTH) {
      history.read_neighbour = before;
    } else {
      // What falls out of memory here was followed by `before`: if a barrier orders that one
      // before some later write, it orders the forgotten read too.
      history.read_other_group = before;
      history.read_neighbour = Access{};
    }
  }
  history.read = now;
}

void Tracer::check_order(Region& region, uint64_t offset, bool is_write, bool is_atomic) {
  Threadgroup* g = group;
  const Thread& thread = *g->current;
  const Access now = {g->serial, thread.index, g->barriers[region.memory],
                      g->simd_barriers[thread.simdgroup][region.memory], is_atomic};
  History& history = region.history[offset];
  if (region.memory == THREADGROUP && history.write.threadgroup != now.threadgroup) {
    history.write = Access{};  // left by the threadgroup before, whose memory this no longer is
  }
  if (region.memory == THREADGROUP && history.read.threadgroup != now.threadgroup) {
    history = History{history.write, {}, {}, {}, false};
  }
  const bool was_written = history.write.threadgroup != 0;
  const auto races = [&](const Access& earlier) {
    return earlier.threadgroup && !(earlier.is_atomic && is_atomic) && !happens_before(earlier, now);
  };
  const auto report = [&](const char* does, const char* did, const Access& earlier) {
    fail("race on %s[byte %lu]: thread %u %s after a %s by thread %u%s without a barrier between",
         region.name, (unsigned long)offset, now.thread, does, did, earlier.thread,
         earlier.threadgroup == now.threadgroup ? "" : " of another threadgroup");
  };
  if (races(history.write)) report(is_write ? "writes" : "reads", "write", history.write);
  if (!is_write) {
    if (!was_written && !region.starts_written)
      fail("%s[byte %lu] is read by thread %u before anything wrote it", region.name,
           (unsigned long)offset, now.thread);
    remember_read(history, now);
    return;
  }
  for (const Access* read : {&history.read, &history.read_other_group, &history.read_neighbour})
    if (races(*read)) report("writes", "read", *read);
  if (history.read_by_several_threadgroups && !is_atomic) report("writes", "read", history.read);
  history.write = now;
}

void Tracer::count(Region& region, uint64_t offset, unsigned bytes, bool is_write) {
  if (is_write) {
    region.bytes_written += bytes;
    return;
  }
  region.bytes_read += bytes;
  if (region.memory == THREADGROUP) return;
  for (uint64_t at = offset, end = offset + bytes; at < end;) {
    const unsigned bit = at % 64, span = unsigned(end - at) < 64 - bit ? unsigned(end - at) : 64 - bit;
    const uint64_t mask = (span == 64 ? ~0ull : (1ull << span) - 1) << bit;
    Line& line = region.lines[at / 64];
    if (line.threadgroup != group->serial) line.now = 0, line.threadgroup = group->serial;
    region.distinct_bytes_read += __builtin_popcountll(mask & ~line.ever);
    region.bytes_read_by_threadgroups += __builtin_popcountll(mask & ~line.now);
    line.ever |= mask;
    line.now |= mask;
    at += span;
  }
}

void Tracer::access(char* address, unsigned bytes, bool is_write, bool is_atomic) {
  if (!group || !group->current) return;
  for (auto& range : ignored)
    if (address >= range.first && address < range.second) return;
  const bool is_power_of_two = (bytes & (bytes - 1)) == 0;
  if (is_power_of_two && bytes <= 16 && uintptr_t(address) % bytes)
    fail("misaligned access to %u bytes at an address that is %lu past a multiple of them", bytes,
         (unsigned long)(uintptr_t(address) % bytes));
  const char* verb = is_write ? "write to" : "read of";
  Region& local = threadgroup_memory;
  const auto near = [&](const Region& r, size_t guard) {
    return address + guard >= r.base && address < r.base + r.bytes + guard;
  };
  if (near(local, 4096)) {
    const int64_t offset = address - local.base;
    if (offset < 0 || uint64_t(offset) + bytes > group->memory_used)
      fail("out of bounds: %s threadgroup memory, byte %ld of %zu, by thread %u", verb, (long)offset,
           group->memory_used, group->current->index);
    count(local, uint64_t(offset), bytes, is_write);
    for (unsigned i = 0; i < bytes; i++) check_order(local, uint64_t(offset) + i, is_write, is_atomic);
    return;
  }
  for (Region& region : buffers) {
    if (!near(region, GUARD_BYTES)) continue;
    const int64_t offset = address - region.base;
    if (offset < 0 || uint64_t(offset) + bytes > region.bytes)
      fail("out of bounds: %s %s, byte %ld of %lu, by thread %u", verb, region.name, (long)offset,
           (unsigned long)region.bytes, group->current->index);
    if (is_write && !region.is_writable) fail("write to the input %s", region.name);
    count(region, uint64_t(offset), bytes, is_write);
    if (region.is_writable)
      for (unsigned i = 0; i < bytes; i++) check_order(region, uint64_t(offset) + i, is_write, is_atomic);
    return;
  }
  if (!is_ignored(address))
    fail("wild %s %p, by thread %u", verb, static_cast<void*>(address), group->current->index);
}

// Constant tables lie in the kernel's own library.
bool Tracer::is_ignored(const char* address) {
  Dl_info theirs, ours;
  if (!dladdr(address, &theirs) || !dladdr(&tracer, &ours) || theirs.dli_fbase != ours.dli_fbase)
    return false;
  char* page = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(address) & ~uintptr_t(4095));
  ignored.push_back({page, page + 4096});
  return true;
}

uint64_t Tracer::distinct_bytes_written(const Region& region) const {
  uint64_t written = 0;
  for (const History& history : region.history) written += history.write.threadgroup != 0;
  return written;
}

}  // namespace msl
