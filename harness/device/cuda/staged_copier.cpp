#include "harness/device/cuda/staged_copier.h"

#include <algorithm>
#include <functional>

#include "harness/device/cuda/cuda_check.h"
#include "harness/device/parallel_copy.h"

namespace assay {

StagedCopier::~StagedCopier() {
  // Nothing can be done about an error here; after a fault on the GPU every call returns one.
  for (Slot& slot : slots_) {
    if (slot.copied != nullptr) static_cast<void>(cudaEventDestroy(slot.copied));
    if (slot.memory != nullptr) static_cast<void>(cudaFreeHost(slot.memory));
  }
  if (!pinned_.empty()) static_cast<void>(cudaHostUnregister(pinned_.data()));
}

void StagedCopier::Pin(std::span<std::byte> memory) {
  if (cudaHostRegister(memory.data(), memory.size(), cudaHostRegisterDefault) == cudaSuccess) {
    pinned_ = memory;
  } else {
    static_cast<void>(cudaGetLastError());  // as where little memory may be locked: it is copied as any other
  }
}

bool StagedCopier::IsPinned(std::span<const std::byte> memory) const {
  const std::less_equal<const std::byte*> at_or_before;
  return at_or_before(pinned_.data(), memory.data()) &&
         at_or_before(memory.data() + memory.size(), pinned_.data() + pinned_.size());
}

StagedCopier::Slot& StagedCopier::Acquire(std::size_t chunk) {
  Slot& slot = slots_[chunk % kSlots];
  if (slot.memory == nullptr) {
    void* memory = nullptr;
    ASSAY_CUDA_CHECK(cudaHostAlloc(&memory, kSlotBytes, cudaHostAllocDefault));
    slot.memory = static_cast<std::byte*>(memory);
  }
  if (slot.copied == nullptr)
    ASSAY_CUDA_CHECK(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming));
  return slot;
}

void StagedCopier::ToDevice(std::byte* to, std::span<const std::byte> from, cudaStream_t stream) {
  if (IsPinned(from)) {
    ASSAY_CUDA_CHECK(cudaMemcpyAsync(to, from.data(), from.size(), cudaMemcpyHostToDevice, stream));
    ASSAY_CUDA_CHECK(cudaStreamSynchronize(stream));
    return;
  }
  const std::size_t chunks = (from.size() + kSlotBytes - 1) / kSlotBytes;
  for (std::size_t i = 0; i < chunks; ++i) {
    Slot& slot = Acquire(i);
    if (i >= kSlots) ASSAY_CUDA_CHECK(cudaEventSynchronize(slot.copied));
    const std::size_t at = i * kSlotBytes;
    const std::size_t bytes = std::min(kSlotBytes, from.size() - at);
    ParallelCopy(slot.memory, from.data() + at, bytes);
    ASSAY_CUDA_CHECK(cudaMemcpyAsync(to + at, slot.memory, bytes, cudaMemcpyHostToDevice, stream));
    ASSAY_CUDA_CHECK(cudaEventRecord(slot.copied, stream));
  }
  ASSAY_CUDA_CHECK(cudaStreamSynchronize(stream));
}

void StagedCopier::FromDevice(std::span<std::byte> to, const std::byte* from, cudaStream_t stream) {
  if (IsPinned(to)) {
    ASSAY_CUDA_CHECK(cudaMemcpyAsync(to.data(), from, to.size(), cudaMemcpyDeviceToHost, stream));
    ASSAY_CUDA_CHECK(cudaStreamSynchronize(stream));
    return;
  }
  const std::size_t chunks = (to.size() + kSlotBytes - 1) / kSlotBytes;
  const auto bytes_of = [&](std::size_t chunk) {
    return std::min(kSlotBytes, to.size() - chunk * kSlotBytes);
  };
  const auto enqueue = [&](std::size_t chunk) {
    Slot& slot = Acquire(chunk);
    ASSAY_CUDA_CHECK(cudaMemcpyAsync(slot.memory, from + chunk * kSlotBytes, bytes_of(chunk),
                                     cudaMemcpyDeviceToHost, stream));
    ASSAY_CUDA_CHECK(cudaEventRecord(slot.copied, stream));
  };
  for (std::size_t i = 0; i < std::min<std::size_t>(chunks, kSlots); ++i) enqueue(i);
  for (std::size_t i = 0; i < chunks; ++i) {
    const Slot& slot = slots_[i % kSlots];
    ASSAY_CUDA_CHECK(cudaEventSynchronize(slot.copied));
    ParallelCopy(to.data() + i * kSlotBytes, slot.memory, bytes_of(i));
    if (i + kSlots < chunks) enqueue(i + kSlots);
  }
  ASSAY_CUDA_CHECK(cudaStreamSynchronize(stream));
}

}  // namespace assay
