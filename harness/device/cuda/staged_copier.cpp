#include "harness/device/cuda/staged_copier.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "harness/device/cuda/cuda_check.h"

namespace assay {
namespace {

void ParallelCopy(std::byte* to, const std::byte* from, std::size_t bytes) {
  constexpr std::size_t kPiece = std::size_t{512} << 10;
  const auto pieces = static_cast<std::int64_t>((bytes + kPiece - 1) / kPiece);
#pragma omp parallel for schedule(static) if (pieces > 2)
  for (std::int64_t i = 0; i < pieces; ++i) {
    const std::size_t at = static_cast<std::size_t>(i) * kPiece;
    std::memcpy(to + at, from + at, std::min(kPiece, bytes - at));
  }
}

}  // namespace

StagedCopier::~StagedCopier() {
  // Nothing can be done about an error here; after a fault on the GPU every call returns one.
  for (Slot& slot : slots_) {
    if (slot.copied != nullptr) static_cast<void>(cudaEventDestroy(slot.copied));
    if (slot.memory != nullptr) static_cast<void>(cudaFreeHost(slot.memory));
  }
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
