// Stand-in for the built-in index variables. They are real objects, one set per operating-system thread,
// which the scheduler rewrites whenever it switches lanes; so a kernel may take their address or bind a
// reference to them.
//
// They are not const although kernels must not write them: a compiler may keep a const object's value across
// calls. constinit spares each access a call to a TLS wrapper, initial-exec one to __tls_get_addr.
#pragma once

#include "vector_types.h"

#define ASSAY_SIMT_TLS __attribute__((visibility("default"), tls_model("initial-exec")))

ASSAY_SIMT_TLS extern constinit thread_local uint3 threadIdx;
ASSAY_SIMT_TLS extern constinit thread_local uint3 blockIdx;
ASSAY_SIMT_TLS extern constinit thread_local dim3 blockDim;
ASSAY_SIMT_TLS extern constinit thread_local dim3 gridDim;

inline constexpr int warpSize = 32;
