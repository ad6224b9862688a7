#include "harness/measure/cuda/event_probe.h"

#include <atomic>
#include <chrono>
#include <new>

#include "harness/measure/flush_size.h"

namespace assay::cuda {

EventProbe::EventProbe(int ordinal, const NvmlGpu& nvml) : nvml_(nvml) {
  ASSAY_CUDA_CHECK(cudaSetDevice(ordinal));
  int l2_bytes = 0, persisting_max = 0;
  ASSAY_CUDA_CHECK(cudaDeviceGetAttribute(&l2_bytes, cudaDevAttrL2CacheSize, ordinal));
  ASSAY_CUDA_CHECK(cudaDeviceGetAttribute(&persisting_max, cudaDevAttrMaxPersistingL2CacheSize, ordinal));
  can_persist_ = persisting_max > 0;
  flush_bytes_ = FlushBytes(l2_bytes);
  stream_ = MakeStream();
  start_ = MakeEvent();
  stop_ = MakeEvent();
  dirty_ = Allocate(flush_bytes_);
  clean_ = Allocate(flush_bytes_);
  sink_ = Allocate(sizeof(std::uint32_t));
  ASSAY_CUDA_CHECK(cudaMemset(clean_.get(), 0, flush_bytes_));
  void* flags = nullptr;
  ASSAY_CUDA_CHECK(cudaHostAlloc(&flags, sizeof(BlockFlags), cudaHostAllocMapped));
  flags_memory_.reset(flags);
  flags_ = new (flags) BlockFlags{};
  void* mapped = nullptr;
  ASSAY_CUDA_CHECK(cudaHostGetDevicePointer(&mapped, flags, 0));
  device_flags_ = static_cast<BlockFlags*>(mapped);
  ASSAY_CUDA_CHECK(cudaDeviceSynchronize());
}

EventProbe::~EventProbe() {
  Release();
  Drain();
}

std::size_t EventProbe::PersistingLimit() const {
  std::size_t limit = 0;
  ASSAY_CUDA_CHECK(cudaDeviceGetLimit(&limit, cudaLimitPersistingL2CacheSize));
  return limit;
}

void EventProbe::BeginBatch() {
  if (!can_persist_) return;
  ASSAY_CUDA_CHECK(cudaDeviceSetLimit(cudaLimitPersistingL2CacheSize, 0));
  ASSAY_CUDA_CHECK(cudaCtxResetPersistingL2Cache());
  cudaStreamAttrValue none = {};
  ASSAY_CUDA_CHECK(cudaStreamSetAttribute(stream_.get(), cudaStreamAttributeAccessPolicyWindow, &none));
  persisting_limit_ = PersistingLimit();
}

void EventProbe::EndBatch() {
  if (!can_persist_ || PersistingLimit() == persisting_limit_) return;
  throw DeviceError(
      "a launch changed the persisting-L2 limit (cudaLimitPersistingL2CacheSize): lines that survive the L2 "
      "flush would "
      "make its times too short");
}

void EventProbe::Flush() {
  EnqueueWriteOver(dirty_.get(), flush_bytes_, ticket_, stream_.get());
  EnqueueReadOver(clean_.get(), flush_bytes_, static_cast<std::uint32_t*>(sink_.get()), stream_.get());
}

void EventProbe::Block() { EnqueueBlock(device_flags_, ++ticket_, kBlockTimeoutNs, stream_.get()); }

void EventProbe::RecordStart() { ASSAY_CUDA_CHECK(cudaEventRecord(start_.get(), stream_.get())); }

void EventProbe::Launch(const LaunchFn& launch, std::size_t i) {
  launch(i, stream_.get());
  ASSAY_CUDA_CHECK(cudaGetLastError());
}

void EventProbe::RecordStop() { ASSAY_CUDA_CHECK(cudaEventRecord(stop_.get(), stream_.get())); }

void EventProbe::Release() noexcept {
  std::atomic_ref<std::uint32_t>(flags_->released).store(ticket_, std::memory_order_release);
}

void EventProbe::Drain() noexcept { static_cast<void>(cudaStreamSynchronize(stream_.get())); }

double EventProbe::WaitElapsed() {
  ASSAY_CUDA_CHECK(cudaEventSynchronize(stop_.get()));
  float milliseconds = 0;
  ASSAY_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start_.get(), stop_.get()));
  return milliseconds * 1e-3;
}

bool EventProbe::BlockTimedOut() const {
  return std::atomic_ref<std::uint32_t>(flags_->timed_out).load(std::memory_order_acquire) == ticket_;
}

void EventProbe::Synchronize() { ASSAY_CUDA_CHECK(cudaDeviceSynchronize()); }

double EventProbe::Now() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace assay::cuda
