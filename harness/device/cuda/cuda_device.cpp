// The cuda device. Copies, fills and hashes run on a stream of its own that the default stream does not wait
// for; each is finished when the call returns.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "harness/device/cuda/captured_graph.h"
#include "harness/device/cuda/cuda_check.h"
#include "harness/device/cuda/hash.h"
#include "harness/device/cuda/hold.h"
#include "harness/device/cuda/staged_copier.h"
#include "harness/device/device.h"

namespace assay {
namespace {

constexpr std::size_t kAlignment = 512;
// A launch that waits for a held stream must not wait for ever.
constexpr double kLongestHold = 3;

std::string VersionText(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

int Attribute(cudaDeviceAttr attribute, int ordinal) {
  int value = 0;
  ASSAY_CUDA_CHECK(cudaDeviceGetAttribute(&value, attribute, ordinal));
  return value;
}

class CudaMemory : public DeviceMemory {
 public:
  explicit CudaMemory(std::size_t bytes) : bytes_(bytes) {
    if (bytes > std::numeric_limits<std::size_t>::max() - kAlignment) {
      throw DeviceError(fmt::format("{} bytes are larger than any GPU's memory", bytes));
    }
    // cudaMalloc promises 256 bytes only.
    ASSAY_CUDA_CHECK(cudaMalloc(&allocation_, bytes + kAlignment));
    const auto address = reinterpret_cast<std::uintptr_t>(allocation_);
    const std::size_t offset = (kAlignment - address % kAlignment) % kAlignment;
    data_ = static_cast<std::byte*>(allocation_) + offset;
  }
  // cudaFree waits for the GPU; after a fault it returns that fault, which its own case has reported.
  ~CudaMemory() override { static_cast<void>(cudaFree(allocation_)); }
  CudaMemory(const CudaMemory&) = delete;
  CudaMemory& operator=(const CudaMemory&) = delete;

  std::byte* data() override { return data_; }
  std::size_t size() const override { return bytes_; }

 private:
  std::size_t bytes_;
  void* allocation_ = nullptr;
  std::byte* data_ = nullptr;
};

class CudaStream : public Stream {
 public:
  CudaStream() { ASSAY_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~CudaStream() override { static_cast<void>(cudaStreamDestroy(stream_)); }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  void* handle() const override { return stream_; }
  void Synchronize() override { ASSAY_CUDA_CHECK(cudaStreamSynchronize(stream_)); }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

// Makes the GPU current, which creates its context, before members that need one are constructed.
int MadeCurrent(int ordinal) {
  ASSAY_CUDA_CHECK(cudaSetDevice(ordinal));
  return ordinal;
}

class CudaDevice : public Device {
 public:
  explicit CudaDevice(int ordinal) : ordinal_(MadeCurrent(ordinal)), hash_(sizeof(std::uint64_t)) {
    cudaDeviceProp properties;
    ASSAY_CUDA_CHECK(cudaGetDeviceProperties(&properties, ordinal));
    description_ = properties.name;
    info_.backend = ASSAY_BACKEND_CUDA;
    info_.ordinal = ordinal;
    info_.compute_capability = 10 * properties.major + properties.minor;
    info_.num_sms = properties.multiProcessorCount;
    info_.shared_bytes_per_block = Attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, ordinal);
    info_.l2_bytes = Attribute(cudaDevAttrL2CacheSize, ordinal);
    info_.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
    SetName(info_, description_);
    CheckHasCode();
  }

  const assay_device_info& info() const override { return info_; }
  std::string name() const override { return fmt::format("cuda:{}", ordinal_); }
  std::string description() const override { return description_; }
  bool can_time() const override { return true; }

  std::unique_ptr<DeviceMemory> Allocate(std::size_t bytes) override {
    MadeCurrent(ordinal_);
    return std::make_unique<CudaMemory>(bytes);
  }

  std::size_t FreeBytes() const override {
    MadeCurrent(ordinal_);
    std::size_t free_bytes = 0, total_bytes = 0;
    ASSAY_CUDA_CHECK(cudaMemGetInfo(&free_bytes, &total_bytes));
    return free_bytes;
  }

  void ExpectTransfersOf(std::span<std::byte> memory) override {
    MadeCurrent(ordinal_);
    copier_.Pin(memory);
  }

  void Upload(std::byte* to, std::span<const std::byte> from) override {
    MadeCurrent(ordinal_);
    copier_.ToDevice(to, from, stream_.get());
  }

  void Download(std::span<std::byte> to, const std::byte* from) override {
    MadeCurrent(ordinal_);
    copier_.FromDevice(to, from, stream_.get());
  }

  void FillBytes(std::byte* to, std::size_t bytes, unsigned char value) override {
    MadeCurrent(ordinal_);
    if (bytes > 0) ASSAY_CUDA_CHECK(cudaMemsetAsync(to, value, bytes, stream_.get()));
    stream_.Synchronize();
  }

  std::uint64_t Hash(const std::byte* from, std::size_t bytes) override {
    MadeCurrent(ordinal_);
    EnqueueHash(from, bytes, reinterpret_cast<std::uint64_t*>(hash_.data()), info_.num_sms, stream_.get());
    std::uint64_t value = 0;
    copier_.FromDevice(std::as_writable_bytes(std::span(&value, 1)), hash_.data(), stream_.get());
    return value;
  }

  void Synchronize() override {
    MadeCurrent(ordinal_);
    ASSAY_CUDA_CHECK(cudaDeviceSynchronize());
    ASSAY_CUDA_CHECK(cudaGetLastError());
  }

  std::unique_ptr<Stream> CreateStream() override {
    MadeCurrent(ordinal_);
    return std::make_unique<CudaStream>();
  }

  void HoldStream(Stream& stream) override {
    MadeCurrent(ordinal_);
    if (!holder_) holder_.emplace();
    holder_->Hold(static_cast<cudaStream_t>(stream.handle()), kLongestHold);
  }

  void ReleaseStreams() override {
    if (holder_) holder_->ReleaseAll();
  }

  std::unique_ptr<LaunchGraph> Capture(const std::function<void(void* stream)>& enqueue) override {
    MadeCurrent(ordinal_);
    const CudaStream stream;
    return CaptureGraph(stream.get(), enqueue);
  }

  void CopyOnStream(Stream& stream, std::byte* to, const std::byte* from, std::size_t bytes) override {
    MadeCurrent(ordinal_);
    if (bytes == 0) return;
    ASSAY_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice,
                                     static_cast<cudaStream_t>(stream.handle())));
  }

 private:
  void CheckHasCode() const {
    try {
      CheckHashKernelLoads();
    } catch (const DeviceError& error) {
      throw DeviceError(fmt::format(
          "{} ({}) has compute capability {}.{}, and this program holds no code for it: configure with "
          "-DCMAKE_CUDA_ARCHITECTURES={} ({})",
          name(), description_, info_.compute_capability / 10, info_.compute_capability % 10,
          info_.compute_capability, error.what()));
    }
  }

  int ordinal_;
  assay_device_info info_ = {};
  std::string description_;
  CudaStream stream_;
  StagedCopier copier_;
  CudaMemory hash_;
  std::optional<StreamHolder> holder_;
};

}  // namespace

CudaProbe ProbeCuda() {
  CudaProbe probe;
  const cudaError_t error = cudaGetDeviceCount(&probe.devices);
  if (error == cudaSuccess && probe.devices > 0) return probe;
  static_cast<void>(cudaGetLastError());  // a machine without a GPU is no error of the calls that follow
  probe.devices = 0;
  int driver = 0;
  const bool driver_known = cudaDriverGetVersion(&driver) == cudaSuccess;
  if (driver_known && driver == 0) {
    probe.unavailable = "no NVIDIA driver is installed (libcuda.so.1 was not found)";
  } else if (error == cudaErrorInsufficientDriver) {
    probe.unavailable =
        fmt::format("the NVIDIA driver is too old: it supports CUDA {}, this program was built with CUDA {}",
                    VersionText(driver), VersionText(CUDART_VERSION));
  } else if (error == cudaErrorNoDevice || error == cudaSuccess) {
    probe.unavailable =
        "the NVIDIA driver finds no GPU (is one visible? see CUDA_VISIBLE_DEVICES and nvidia-smi)";
  } else {
    probe.unavailable =
        fmt::format("cudaGetDeviceCount failed: {}: {}", cudaGetErrorName(error), cudaGetErrorString(error));
  }
  return probe;
}

std::unique_ptr<Device> MakeCudaDevice(int ordinal) {
  const CudaProbe probe = ProbeCuda();
  if (probe.devices == 0) throw DeviceError(fmt::format("cuda:{}: {}", ordinal, probe.unavailable));
  if (ordinal < 0 || ordinal >= probe.devices) {
    throw DeviceError(fmt::format("there is no GPU cuda:{}; this machine has cuda:0 to cuda:{}", ordinal,
                                  probe.devices - 1));
  }
  return std::make_unique<CudaDevice>(ordinal);
}

}  // namespace assay
