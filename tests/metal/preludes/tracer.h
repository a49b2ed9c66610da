// What the checked build knows about memory. The compiler calls it before every access.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace msl {

// One access to one byte: who, and how many barriers had passed by then.
struct Access {
  uint32_t threadgroup;  // serial; 0: none yet
  uint32_t thread, barriers, simd_barriers;
  bool is_atomic;
};

// Every access to a byte that a later one could race with.
struct History {
  Access write;
  Access read;             // the latest
  Access read_other_group; // the latest from another simdgroup than `read`
  Access read_neighbour;   // the latest by another lane of `read`'s simdgroup
  bool read_by_several_threadgroups;
};

// Which of 64 bytes were read: by anybody, and by the threadgroup that runs.
struct Line {
  uint64_t ever, now;
  uint32_t threadgroup;
};

// A buffer, or the threadgroup's own memory.
struct Region {
  const char* name;
  char* base;
  uint64_t bytes;
  bool is_writable, starts_written;
  int memory;  // DEVICE or THREADGROUP
  uint64_t bytes_read, bytes_written;
  uint64_t distinct_bytes_read;       // each byte once
  uint64_t bytes_read_by_threadgroups;  // each byte once for each threadgroup that reads it
  std::vector<Line> lines;            // of 64 bytes
  std::vector<History> history;       // of each byte, where the region is writable
};

class Tracer {
 public:
  std::vector<Region> buffers;
  Region threadgroup_memory;
  std::vector<std::pair<char*, char*>> ignored;  // stacks and the runtime's own data

  void access(char* address, unsigned bytes, bool is_write, bool is_atomic);
  uint64_t distinct_bytes_written(const Region& region) const;

 private:
  bool is_ignored(const char* address);
  void count(Region& region, uint64_t offset, unsigned bytes, bool is_write);
  void check_order(Region& region, uint64_t offset, bool is_write, bool is_atomic);
};

extern Tracer* tracer;  // null in the fast build
constexpr size_t GUARD_BYTES = 1 << 20;  // unmapped neighbours in which an overrun still has a name

}  // namespace msl
