// A device that kernels run on: memory, copies, streams. Two exist: cuda and host. Errors are thrown as
// DeviceError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/pack.h"

namespace assay {

// How the host device orders the lanes of a block; each is a legal schedule on a GPU.
enum class LaneOrder { kForward, kReverse, kShuffled };

class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  // True if the device can no longer be used by this process (a poisoned CUDA context).
  bool sticky = false;
};

// Device memory, freed on destruction.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  virtual std::byte* data() = 0;  // 512-byte aligned; on the cuda device not to be dereferenced by the CPU
  virtual std::size_t size() const = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;
  virtual void* handle() const = 0;  // what a pack's launch() is given
  virtual void Synchronize() = 0;
};

// Work that was captured once and can be launched again and again.
class LaunchGraph {
 public:
  virtual ~LaunchGraph() = default;
  virtual void Launch(void* stream) = 0;  // of the device, as Stream::handle() gives it
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const assay_device_info& info() const = 0;
  virtual std::string name() const = 0;         // "cuda:0", "host"
  virtual std::string description() const = 0;  // "NVIDIA H100 80GB HBM3", "AMD EPYC, 2 threads"
  // True if times measured on it say anything about kernels.
  virtual bool can_time() const = 0;

  virtual std::unique_ptr<DeviceMemory> Allocate(std::size_t bytes) = 0;
  virtual std::size_t FreeBytes() const = 0;
  // Most transfers will be from and to this host memory, which outlives the device: they may become faster.
  // Called at most once.
  virtual void ExpectTransfersOf(std::span<std::byte> /*memory*/) {}
  // All of these are complete when they return. They check for errors of earlier asynchronous work and throw
  // it.
  virtual void Upload(std::byte* to, std::span<const std::byte> from) = 0;
  virtual void Download(std::span<std::byte> to, const std::byte* from) = 0;
  virtual void FillBytes(std::byte* to, std::size_t bytes, unsigned char value) = 0;
  // Order-independent 64-bit hash of device memory, equal to HashBytes() of the same bytes.
  virtual std::uint64_t Hash(const std::byte* from, std::size_t bytes) = 0;
  virtual void Synchronize() = 0;

  virtual std::unique_ptr<Stream> CreateStream() = 0;

  // Keeps the stream from running what is enqueued from now on, until ReleaseStreams() or for a few seconds
  // at most. Does nothing where work is done as it is enqueued.
  virtual void HoldStream(Stream& /*stream*/) {}
  virtual void ReleaseStreams() {}
  // Within device memory, in stream order; does not wait for it.
  virtual void CopyOnStream(Stream& stream, std::byte* to, const std::byte* from, std::size_t bytes) = 0;

  // What `enqueue` puts on the stream that it is given, without running any of it; ready to be launched
  // without a first-time cost. Throws DeviceError where that cannot be captured, or where there are no
  // graphs.
  virtual std::unique_ptr<LaunchGraph> Capture(const std::function<void(void* stream)>& /*enqueue*/) {
    throw DeviceError(name() + " has no CUDA graphs");
  }

  // Why the last launch failed, over several lines, where the device knows more than the launch's error says
  // (on the host device: which lanes waited where). Empty if that launch went well or no more is known.
  virtual std::string LastFault() const { return {}; }

  // The lane order of the launches that follow on the host device. No effect on others.
  virtual void SetLaneOrder(LaneOrder /*order*/, std::uint64_t /*seed*/) {}
};

// The hash that Device::Hash computes: the sum modulo 2^64 over 8-byte words w_i (the tail zero-padded) of
// Mix(w_i + (i+1) * 0x9E3779B97F4A7C15), Mix being the finalizer of splitmix64 (Steele et al., OOPSLA 2014).
std::uint64_t HashBytes(std::span<const std::byte> bytes);

// As much of the name as there is room for.
void SetName(assay_device_info& info, const std::string& name);

// OS threads that blocks are spread over; 0: all of the machine's.
std::unique_ptr<Device> MakeHostDevice(int threads = 0);

struct CudaProbe {
  int devices = 0;
  std::string unavailable;  // why there is none, in words: not built with CUDA, no driver, no device
};
CudaProbe ProbeCuda();
// Throws DeviceError.
std::unique_ptr<Device> MakeCudaDevice(int ordinal);

}  // namespace assay
