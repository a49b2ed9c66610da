// Runs the threads of one threadgroup until all have finished, and reports divergence.
#include "scheduler.h"

#include <dlfcn.h>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#define MSL_DEFINE_SWITCH
#include "fibers.h"

namespace msl {

thread_local Threadgroup* group;
thread_local void* access_site;
static thread_local void (*body)(void** buffers);
static thread_local void** body_buffers;

void fail(const char* format, ...) {
  if (!group->failed) {
    va_list arguments;
    va_start(arguments, format);
    const int used = vsnprintf(group->error, sizeof group->error, format, arguments);
    va_end(arguments);
    group->failed = true;
    Dl_info object;  // " @offset": the caller turns it into a line of the kernel
    if (access_site && dladdr(access_site, &object) && used < int(sizeof group->error))
      snprintf(group->error + used, sizeof group->error - used, " @%lx",
               (unsigned long)((char*)access_site - (char*)object.dli_fbase) - 1);
  }
  msl_switch(&group->current->stack, group->scheduler);
  abort();  // a failed threadgroup is never resumed
}

void wait(State state, const char* operation, int line, uint32_t fence) {
  Thread* thread = group->current;
  thread->state = state;
  thread->operation = operation;
  thread->line = line;
  thread->fence = fence;
  msl_switch(&thread->stack, group->scheduler);
}

void* threadgroup_array(int id, size_t bytes) {
  Threadgroup* g = group;
  if (!g->array_known[id]) {
    g->array_known[id] = true;
    g->array_offset[id] = g->memory_used;
    g->memory_used += (bytes + 15) & ~size_t(15);
    if (g->memory_used > THREADGROUP_BYTES) {
      access_site = nullptr;
      fail("%zu bytes of threadgroup memory; Metal grants %zu", g->memory_used, THREADGROUP_BYTES);
    }
  }
  return g->memory + g->array_offset[id];
}

static void run_thread() {
  body(body_buffers);
  wait(State::finished, "its end", 0, 0);
  abort();
}

static void restart(Threadgroup* g, char* stacks) {
  memset(g->barriers, 0, sizeof g->barriers);
  memset(g->simd_barriers, 0, sizeof g->simd_barriers);
  memset(g->memory, 0xff, g->memory_used);  // NaN, in case something reads it before writing
  for (uint32_t i = 0; i < g->size; i++) {
    Thread& thread = g->threads[i];
    thread.state = State::running;
    thread.turn = 0;
    thread.operation = "its start";
    thread.line = 0;
    thread.stack = msl_fresh_stack(stacks + (i + 1) * STACK_BYTES, run_thread);
  }
}

static void pass_barrier(uint32_t* counts, uint32_t fence) {
  if (fence & 1) counts[DEVICE]++;
  if (fence & 2) counts[THREADGROUP]++;
}

static void report_divergence(Threadgroup* g, const char* of, const Thread& a, const Thread& b) {
  snprintf(g->error, sizeof g->error,
           "%s divergence in threadgroup (%u,%u,%u): thread %u is at %s line %d, thread %u at %s line %d",
           of, g->position[0], g->position[1], g->position[2], a.index, a.operation, a.line, b.index,
           b.operation, b.line);
  g->failed = true;
}

static bool all_at_one_place(Threadgroup* g, const uint32_t* order, uint32_t count, const char* of) {
  const Thread& first = g->threads[order[0]];
  for (uint32_t i = 1; i < count; i++) {
    const Thread& other = g->threads[order[i]];
    if (first.state != other.state || first.line != other.line || first.fence != other.fence ||
        first.operation != other.operation) {
      report_divergence(g, of, first, other);
      return false;
    }
  }
  return true;
}

// Runs 32 lanes, in the given order, until each waits at a threadgroup barrier or has finished.
static void run_simdgroup(Threadgroup* g, const uint32_t* order) {
  for (;;) {
    for (uint32_t i = 0; i < SIMD_WIDTH; i++) {
      Thread& thread = g->threads[order[i]];
      if (thread.state != State::running) continue;
      g->current = &thread;
      msl_switch(&g->scheduler, thread.stack);
      if (g->failed) return;
    }
    bool any_waits = false;
    for (uint32_t i = 0; i < SIMD_WIDTH; i++)
      any_waits |= g->threads[order[i]].state == State::at_simd_operation;
    if (!any_waits) return;
    if (!all_at_one_place(g, order, SIMD_WIDTH, "simdgroup")) return;
    const Thread& first = g->threads[order[0]];
    pass_barrier(g->simd_barriers[first.simdgroup], first.fence);
    for (uint32_t i = 0; i < SIMD_WIDTH; i++) g->threads[order[i]].state = State::running;
  }
}

void run_threadgroup(Threadgroup* g, char* stacks, const uint32_t* order,
                     void (*kernel)(void**), void** buffers) {
  body = kernel;
  body_buffers = buffers;
  restart(g, stacks);
  for (;;) {
    for (uint32_t simdgroup = 0; simdgroup < g->simdgroups; simdgroup++) {
      run_simdgroup(g, order + simdgroup * SIMD_WIDTH);
      if (g->failed) return;
    }
    if (!all_at_one_place(g, order, g->size, "threadgroup")) return;
    if (g->threads[0].state == State::finished) return;
    pass_barrier(g->barriers, g->threads[0].fence);
    for (uint32_t i = 0; i < g->size; i++) g->threads[i].state = State::running;
  }
}

}  // namespace msl
