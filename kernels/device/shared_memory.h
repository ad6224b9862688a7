// The one way in which kernels reach shared memory.
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

namespace assay {

// The block's dynamic shared memory as one object, 16-byte aligned. The launch must ask for sizeof(Storage)
// bytes; the host device reports a launch that asked for fewer. The memory is not initialised.
template <class Storage>
__device__ __forceinline__ Storage& dynamic_shared() {
  static_assert(std::is_trivially_default_constructible_v<Storage> && std::is_trivially_copyable_v<Storage>,
                "nobody constructs or destroys shared memory, so Storage must be a trivial type");
  static_assert(alignof(Storage) <= 16, "no more than 16-byte alignment is asked of the compiler");
#if defined(ASSAY_SIMT)
  return *static_cast<Storage*>(simt::DynamicSharedMemory(sizeof(Storage)));
#else
  extern __shared__ __align__(16) unsigned char assay_dynamic_shared[];
  return *reinterpret_cast<Storage*>(assay_dynamic_shared);
#endif
}

}  // namespace assay
