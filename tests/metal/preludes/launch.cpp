// What Python calls: runs a whole grid, threadgroup by threadgroup, on a few CPU threads.
#include <sys/mman.h>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>
#include "scheduler.h"
#include "tracer.h"

using namespace msl;

extern "C" void msl_kernel(void** buffers);  // the kernel, for the current thread

extern "C" struct LaunchRequest {  // tests/metal/cpu_route.py has the same
  void** buffers;
  const uint64_t* bytes;
  const char** names;
  const int32_t* is_output;
  int32_t buffer_count, is_checked, cpu_threads;
  uint32_t lane_order;  // 0: ascending; else the seed of a shuffle
  uint32_t grid[3], threadgroup[3];
  uint64_t* traffic;  // for each buffer five counts, see run_checked
  char* error;        // 600 bytes
};

// GPUs may flush denormals to zero: so do we.
struct FlushDenormals {
#if defined(__x86_64__)
  unsigned saved = __builtin_ia32_stmxcsr();
  FlushDenormals() { __builtin_ia32_ldmxcsr(saved | 0x8040); }
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(saved); }
#else
  uint64_t saved;
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved));
    asm volatile("msr fpcr, %0" ::"r"(saved | 1ull << 24));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved)); }
#endif
};

static char* map(size_t bytes) {
  return static_cast<char*>(
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

// A buffer's copy between guard zones, 8 bytes past a multiple of 16: safetensors promises no
// better alignment. Outputs are MLX's own allocations and lie well.
class GuardedCopy {
 public:
  GuardedCopy(void* original, uint64_t bytes, bool is_output)
      : mapped_bytes(bytes + 2 * GUARD_BYTES + 4096), mapping(map(mapped_bytes)),
        base(mapping + GUARD_BYTES + (is_output ? 0 : 8)), original(original), bytes(bytes) {
    memcpy(base, original, bytes);
  }
  ~GuardedCopy() { munmap(mapping, mapped_bytes); }
  GuardedCopy(const GuardedCopy&) = delete;
  void copy_back() { memcpy(original, base, bytes); }

 private:
  size_t mapped_bytes;
  char* mapping;

 public:
  char* base;

 private:
  void* original;
  uint64_t bytes;
};

// The fibers, stacks and threadgroup memory of one CPU thread.
class Worker {
 public:
  explicit Worker(const LaunchRequest& request)
      : threads(new Thread[request.threadgroup[0] * request.threadgroup[1] * request.threadgroup[2]]()),
        memory(map(MEMORY_BYTES)) {
    g.size = request.threadgroup[0] * request.threadgroup[1] * request.threadgroup[2];
    g.simdgroups = g.size / SIMD_WIDTH;
    g.threads = threads.get();
    g.memory = memory + 4096;
    memset(g.memory, 0xff, THREADGROUP_BYTES);
    stacks = map(STACK_BYTES * g.size);
    for (uint32_t i = 0; i < g.size; i++) {
      g.threads[i].index = order[i] = i;
      g.threads[i].lane = i % SIMD_WIDTH;
      g.threads[i].simdgroup = i / SIMD_WIDTH;
    }
    for (int i = 0; i < 3; i++) {
      g.shape[i] = request.threadgroup[i];
      g.per_grid[i] = request.grid[i] / request.threadgroup[i];
    }
    if (request.lane_order) shuffle(request.lane_order);
    group = &g;
  }
  ~Worker() {
    munmap(stacks, STACK_BYTES * g.size);
    munmap(memory, MEMORY_BYTES);
    group = nullptr;
  }

  void run(uint64_t index, void** buffers) {
    g.serial = uint32_t(index + 1);
    g.position[0] = uint32_t(index % g.per_grid[0]);
    g.position[1] = uint32_t(index / g.per_grid[0] % g.per_grid[1]);
    g.position[2] = uint32_t(index / g.per_grid[0] / g.per_grid[1]);
    run_threadgroup(&g, stacks, order, msl_kernel, buffers);
  }

  void tell(Tracer& tracer) {
    tracer.threadgroup_memory = {"threadgroup memory", g.memory, THREADGROUP_BYTES, true, false,
                                 THREADGROUP, 0, 0, 0, 0, {}, std::vector<History>(THREADGROUP_BYTES)};
    tracer.ignored.push_back({stacks, stacks + STACK_BYTES * g.size});
    tracer.ignored.push_back({(char*)g.threads, (char*)(g.threads + g.size)});
    tracer.ignored.push_back({(char*)&group, (char*)(&group + 1)});
    tracer.ignored.push_back({(char*)this, (char*)(this + 1)});
  }

  Threadgroup g{};

 private:
  static constexpr size_t MEMORY_BYTES = THREADGROUP_BYTES + 2 * 4096;

  void shuffle(uint32_t seed) {  // the lanes of each simdgroup, and the simdgroups
    const auto below = [&seed](uint32_t bound) {
      seed = seed * 1664525 + 1013904223;
      return (seed >> 8) % bound;
    };
    for (uint32_t base = 0; base < g.size; base += SIMD_WIDTH)
      for (uint32_t i = SIMD_WIDTH - 1; i; i--) std::swap(order[base + i], order[base + below(i + 1)]);
    for (uint32_t s = g.simdgroups; s > 1; s--) {
      const uint32_t other = below(s);
      for (uint32_t i = 0; i < SIMD_WIDTH; i++)
        std::swap(order[(s - 1) * SIMD_WIDTH + i], order[other * SIMD_WIDTH + i]);
    }
  }

  std::unique_ptr<Thread[]> threads;
  char* memory;
  char* stacks;
  uint32_t order[1024];
};

static const char* objection(const LaunchRequest& request) {
  for (int i = 0; i < 3; i++)
    if (!request.threadgroup[i] || !request.grid[i] || request.grid[i] % request.threadgroup[i])
      return "the grid is not a multiple of the threadgroup";
  const uint64_t size = uint64_t(request.threadgroup[0]) * request.threadgroup[1] * request.threadgroup[2];
  if (size % SIMD_WIDTH || size > 1024)
    return "a threadgroup is a multiple of 32 threads, 1024 at most";
  return nullptr;
}

static void run_grid(const LaunchRequest& request, void** buffers) {
  const uint64_t total = uint64_t(request.grid[0] / request.threadgroup[0]) *
                         (request.grid[1] / request.threadgroup[1]) *
                         (request.grid[2] / request.threadgroup[2]);
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  const auto work = [&] {
    const FlushDenormals flush;
    const auto worker = std::make_unique<Worker>(request);
    if (tracer) worker->tell(*tracer);
    for (uint64_t i; !failed && (i = next++) < total;) {
      worker->run(request.lane_order ? total - 1 - i : i, buffers);
      if (worker->g.failed && !failed.exchange(true)) snprintf(request.error, 600, "%s", worker->g.error);
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < request.cpu_threads && !request.is_checked; i++) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
}

static void run_checked(const LaunchRequest& request) {
  Tracer state;
  std::vector<std::unique_ptr<GuardedCopy>> copies;
  std::vector<void*> buffers;
  for (int i = 0; i < request.buffer_count; i++) {
    const bool is_output = request.is_output[i];
    const uint64_t bytes = request.bytes[i];
    copies.push_back(std::make_unique<GuardedCopy>(request.buffers[i], bytes, is_output));
    buffers.push_back(copies.back()->base);
    state.buffers.push_back({request.names[i], copies.back()->base, bytes, is_output, !is_output,
                             DEVICE, 0, 0, 0, 0, std::vector<Line>(bytes / 64 + 1),
                             std::vector<History>(is_output ? bytes : 0)});
  }
  state.ignored.push_back({(char*)buffers.data(), (char*)(buffers.data() + buffers.size())});
  tracer = &state;
  run_grid(request, buffers.data());
  tracer = nullptr;
  for (int i = 0; i < request.buffer_count; i++) {
    const Region& region = state.buffers[i];
    uint64_t* traffic = request.traffic + 5 * i;
    traffic[0] = region.bytes_read;
    traffic[1] = region.bytes_read_by_threadgroups;
    traffic[2] = region.distinct_bytes_read;
    traffic[3] = region.bytes_written;
    traffic[4] = state.distinct_bytes_written(region);
    if (request.is_output[i]) copies[i]->copy_back();
  }
}

// Leaves the first error in request->error, which the caller has emptied.
extern "C" void msl_launch(const LaunchRequest* request) {
  if (const char* text = objection(*request)) {
    snprintf(request->error, 600, "%s", text);
    return;
  }
  if (request->is_checked) run_checked(*request);
  else run_grid(*request, request->buffers);
}
