// The probe of sample.h on a CUDA device.
#pragma once

#include <cstdint>

#include "harness/measure/cuda/owners.h"
#include "harness/measure/cuda/sampling_kernels.h"
#include "harness/measure/nvml.h"
#include "harness/measure/sample.h"

namespace assay::cuda {

class EventProbe {
 public:
  // How long the blocking kernel waits for the host. A launch call takes microseconds; a host that was
  // suspended for longer than this costs one sample.
  static constexpr std::uint64_t kBlockTimeoutNs = 500'000'000;

  // `nvml` must outlive the probe.
  EventProbe(int ordinal, const NvmlGpu& nvml);
  ~EventProbe();
  EventProbe(const EventProbe&) = delete;
  EventProbe& operator=(const EventProbe&) = delete;

  void BeginBatch();
  void EndBatch();
  void Flush();
  void Block();
  void RecordStart();
  void Launch(const LaunchFn& launch, std::size_t i);
  void RecordStop();
  void Release() noexcept;
  void Drain() noexcept;
  double WaitElapsed();
  bool BlockTimedOut() const;
  void Synchronize();
  ClockState ReadClocks() const { return nvml_.Clocks(); }
  double Now() const;

  cudaStream_t stream() const { return stream_.get(); }

 private:
  std::size_t PersistingLimit() const;

  const NvmlGpu& nvml_;
  bool can_persist_ = false;
  std::size_t persisting_limit_ = 0;
  std::size_t flush_bytes_ = 0;
  std::uint32_t ticket_ = 0;
  StreamOwner stream_;
  EventOwner start_, stop_;
  Buffer dirty_, clean_, sink_;
  PinnedBuffer flags_memory_;
  BlockFlags* flags_ = nullptr;         // in flags_memory_, for the host
  BlockFlags* device_flags_ = nullptr;  // the same for the GPU
};

static_assert(Probe<EventProbe>);

}  // namespace assay::cuda
