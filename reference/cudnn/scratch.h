// Device memory, streams and cold timing for trying plans. Nothing here is used by a launch that the harness
// times.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "kernels/pack.h"

namespace assay::cudnn {

// Sets the current device for a scope.
class DeviceScope {
 public:
  explicit DeviceScope(int ordinal);
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int previous_ = 0;
};

class DeviceMemory {
 public:
  DeviceMemory() = default;
  explicit DeviceMemory(std::size_t bytes);  // 0 bytes: no memory, and get() is NULL
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  void* get() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

class Stream {
 public:
  Stream();  // does not synchronize with the default stream
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// `count` numbers, uniform in (-scale, scale). Zeros would draw less power and flatter the clock.
void FillRandom(void* data, std::int64_t count, assay_dtype dtype, float scale, std::uint32_t seed,
                cudaStream_t stream);
// Every bit set: a NaN in each dtype.
void Poison(void* data, std::int64_t count, assay_dtype dtype, cudaStream_t stream);
// Elements that are NaN. Of tensors filled by FillRandom no right plan makes one, so after Poison() they are
// elements that were not written, whether or not an epilogue has passed over them since. Waits for the
// stream.
std::int64_t CountNan(const void* data, std::int64_t count, assay_dtype dtype, cudaStream_t stream);

// Times work with an L2 cache that holds none of its data.
class ColdTimer {
 public:
  explicit ColdTimer(int ordinal);
  // Milliseconds between two events around what `enqueue` puts on the stream. Before the first event the L2
  // cache is filled with other, clean lines, and the stream is kept busy until the host has enqueued
  // everything, so that neither the flush, nor write-backs of its dirty lines, nor the host's time is
  // measured. Exceptions of `enqueue` pass through.
  double Milliseconds(const std::function<void()>& enqueue, cudaStream_t stream);

 private:
  DeviceMemory flush_;
  DeviceMemory sink_;
  Event start_, stop_;
  double clock_khz_ = 0;
  double delay_ms_ = 0.2;  // how long the stream is kept busy; grows if the host turns out to be slower
};

}  // namespace assay::cudnn
