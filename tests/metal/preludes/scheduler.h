// The runtime's inner interface: launch.cpp drives the scheduler, the tracer reports through it.
#pragma once
#include "threadgroup.h"

namespace msl {

constexpr size_t STACK_BYTES = 64 << 10;

extern thread_local void* access_site;  // code address of the memory access under examination

// `order`: the threads in the order in which they get their turns, simdgroup by simdgroup.
void run_threadgroup(Threadgroup* g, char* stacks, const uint32_t* order,
                     void (*kernel)(void**), void** buffers);

}  // namespace msl
