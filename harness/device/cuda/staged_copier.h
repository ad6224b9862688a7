// Copies between host memory and a GPU at the bus's rate: pageable memory through a ring of pinned buffers,
// where CPU threads copy one while the GPU's copy engine works on the others. A plain cudaMemcpy of pageable
// memory does both on one thread.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <span>

namespace assay {

class StagedCopier {
 public:
  StagedCopier() = default;
  ~StagedCopier();
  StagedCopier(const StagedCopier&) = delete;
  StagedCopier& operator=(const StagedCopier&) = delete;

  // Copies that lie in this memory need no buffer from now on, if it can be pinned. It outlives the copier.
  void Pin(std::span<std::byte> memory);

  // Complete when they return. Throw DeviceError, also for errors of earlier work on the GPU.
  void ToDevice(std::byte* to, std::span<const std::byte> from, cudaStream_t stream);
  void FromDevice(std::span<std::byte> to, const std::byte* from, cudaStream_t stream);

 private:
  static constexpr std::size_t kSlotBytes = std::size_t{16} << 20;
  static constexpr int kSlots = 4;
  struct Slot {
    std::byte* memory = nullptr;   // pinned
    cudaEvent_t copied = nullptr;  // recorded behind the last copy that used the memory
  };
  Slot& Acquire(std::size_t chunk);  // allocates it at its first use
  bool IsPinned(std::span<const std::byte> memory) const;

  std::array<Slot, kSlots> slots_;
  std::span<std::byte> pinned_;
};

}  // namespace assay
