#include "harness/simt/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>

#include "harness/simt/cuda_error.h"
#include "harness/simt/device_api.h"
#include "harness/simt/include/cuda_runtime_api.h"
#include "harness/simt/scheduler.h"
#include "harness/simt/thread_pool.h"

namespace assay::simt {
namespace {

constexpr unsigned kMaxThreadsPerBlock = 1024;
constexpr unsigned kMaxBlockZ = 64;
constexpr unsigned kMaxGridX = 0x7fffffff;
constexpr unsigned kMaxGridYz = 65535;
constexpr int kMaxThreads = 1024;
// Each thread may keep 1024 stacks, each two mappings of the 65530 that a Linux process has by default.
constexpr int kDefaultThreadsCap = 16;

// What the process has one of.
struct Runtime {
  std::mutex launching;  // held through a launch: one at a time
  ThreadPool pool;

  std::mutex state;  // guards what follows
  Options options;
  std::string fault;
  std::unordered_map<const void*, int> opted_in_bytes;  // by kernel
};

Runtime& TheRuntime() {
  static Runtime runtime;
  return runtime;
}

struct Refusal {
  cudaError_t error = cudaSuccess;
  std::string why;
};

std::string Text(const dim3& d) { return fmt::format("({},{},{})", d.x, d.y, d.z); }

Refusal CheckShape(const dim3& grid, const dim3& block) {
  const auto refuse = [](std::string why) { return Refusal{cudaErrorInvalidConfiguration, std::move(why)}; };
  if (grid.x == 0 || grid.y == 0 || grid.z == 0)
    return refuse("grid " + Text(grid) + ": no dimension may be 0");
  if (block.x == 0 || block.y == 0 || block.z == 0)
    return refuse("block " + Text(block) + ": no dimension may be 0");
  if (grid.x > kMaxGridX || grid.y > kMaxGridYz || grid.z > kMaxGridYz) {
    return refuse(
        fmt::format("grid {}: at most ({},{},{}) blocks", Text(grid), kMaxGridX, kMaxGridYz, kMaxGridYz));
  }
  if (block.x > kMaxThreadsPerBlock || block.y > kMaxThreadsPerBlock || block.z > kMaxBlockZ ||
      block.x * block.y * block.z > kMaxThreadsPerBlock) {
    return refuse(fmt::format("block {}: at most {} threads, and {} in z", Text(block), kMaxThreadsPerBlock,
                              kMaxBlockZ));
  }
  return {};
}

Refusal CheckShared(std::size_t bytes, int opted_in) {
  const int limit = std::max(opted_in, kMaxSharedBytesWithoutOptIn);
  if (bytes <= static_cast<std::size_t>(limit)) return {};
  return {cudaErrorInvalidValue, fmt::format("{} bytes of dynamic shared memory: the kernel may have {} "
                                             "(cudaFuncSetAttribute raises it to {} at most)",
                                             bytes, limit, kMaxSharedBytes)};
}

Refusal CheckAttributes(const cudaLaunchConfig_t& config) {
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    const auto& cluster = attribute.val.clusterDim;
    if (attribute.id == cudaLaunchAttributeClusterDimension &&
        (cluster.x != 1 || cluster.y != 1 || cluster.z != 1)) {
      return {cudaErrorNotSupported, "the host device has no thread block clusters"};
    }
    if (attribute.id == cudaLaunchAttributeCooperative && attribute.val.cooperative != 0) {
      return {cudaErrorNotSupported, "the host device has no cooperative launches"};
    }
  }
  return {};
}

Refusal Check(const cudaLaunchConfig_t* config, const void* kernel, int opted_in) {
  if (Scheduler::Running() != nullptr) return {cudaErrorNotSupported, "a kernel launched a kernel"};
  if (config == nullptr) return {cudaErrorInvalidValue, "no launch configuration"};
  if (kernel == nullptr) return {cudaErrorInvalidDeviceFunction, "no kernel"};
  Refusal refusal = CheckShape(config->gridDim, config->blockDim);
  if (refusal.error == cudaSuccess) refusal = CheckShared(config->dynamicSmemBytes, opted_in);
  if (refusal.error == cudaSuccess) refusal = CheckAttributes(*config);
  return refusal;
}

int NumThreads(int wanted) {
  if (wanted > 0) return wanted;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kDefaultThreadsCap);
}

// The blocks of one launch, handed out in ascending order, and the first fault by block number.
class BlockQueue {
 public:
  explicit BlockQueue(const Launch& launch) : launch_(launch), num_blocks_(launch.num_blocks()) {}

  void RunShare() noexcept {
    std::uint64_t block = 0;
    try {
      Scheduler& scheduler = Scheduler::OfThisThread();
      scheduler.Begin(launch_);
      while (!stop_.load(std::memory_order_relaxed)) {
        block = next_.fetch_add(1, std::memory_order_relaxed);
        if (block >= num_blocks_) return;
        std::string fault = scheduler.RunBlock(block);
        if (!fault.empty()) Report(block, std::move(fault));
      }
    } catch (const std::exception& error) {
      Report(block, std::string("the host device could not run the block: ") + error.what());
    }
  }

  const std::string& fault() const { return fault_; }

 private:
  // Blocks with lower numbers have all been handed out and run to their end, so the lowest faulty one is
  // always found.
  void Report(std::uint64_t block, std::string fault) {
    const std::lock_guard lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
    if (!fault_.empty() && faulty_block_ < block) return;
    faulty_block_ = block;
    fault_ = std::move(fault);
  }

  const Launch& launch_;
  const std::uint64_t num_blocks_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::uint64_t faulty_block_ = 0;
  std::string fault_;
};

void SetFault(std::string fault) {
  Runtime& runtime = TheRuntime();
  const std::lock_guard lock(runtime.state);
  runtime.fault = std::move(fault);
}

}  // namespace

void SetOptions(const Options& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    throw std::invalid_argument(fmt::format(
        "{} threads for the host device: allowed are 0 (one a core) to {}", options.threads, kMaxThreads));
  }
  Runtime& runtime = TheRuntime();
  const std::lock_guard lock(runtime.state);
  runtime.options = options;
  runtime.fault.clear();  // of launches under the options before
}

Options GetOptions() {
  Runtime& runtime = TheRuntime();
  const std::lock_guard lock(runtime.state);
  return runtime.options;
}

std::string LastFault() {
  Runtime& runtime = TheRuntime();
  const std::lock_guard lock(runtime.state);
  return runtime.fault;
}

cudaError_t LaunchKernel(const cudaLaunchConfig_t* config, const void* kernel, void (*body)(const void*),
                         const void* arguments) {
  Runtime& runtime = TheRuntime();
  Options options;
  int opted_in = 0;
  {
    const std::lock_guard lock(runtime.state);
    options = runtime.options;
    const auto entry = runtime.opted_in_bytes.find(kernel);
    if (entry != runtime.opted_in_bytes.end()) opted_in = entry->second;
  }
  if (Refusal refusal = Check(config, kernel, opted_in); refusal.error != cudaSuccess) {
    SetFault("the launch was refused: " + refusal.why);
    return Remember(refusal.error);
  }
  const Launch launch{config->gridDim, config->blockDim, config->dynamicSmemBytes, body, arguments,
                      options.order,   options.seed};
  BlockQueue queue(launch);
  const auto threads =
      static_cast<int>(std::min<std::uint64_t>(NumThreads(options.threads), launch.num_blocks()));
  {
    const std::lock_guard lock(runtime.launching);
    runtime.pool.Run(threads, [&queue] { queue.RunShare(); });
  }
  SetFault(queue.fault());
  return Remember(queue.fault().empty() ? cudaSuccess : cudaErrorLaunchFailure);
}

cudaError_t SetKernelAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (kernel == nullptr) return Remember(cudaErrorInvalidDeviceFunction);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || value > kMaxSharedBytes) return Remember(cudaErrorInvalidValue);
  Runtime& runtime = TheRuntime();
  const std::lock_guard lock(runtime.state);
  runtime.opted_in_bytes[kernel] = value;
  return cudaSuccess;
}

cudaError_t GetKernelAttributes(const void* kernel, cudaFuncAttributes* attributes) {
  if (kernel == nullptr) return Remember(cudaErrorInvalidDeviceFunction);
  if (attributes == nullptr) return Remember(cudaErrorInvalidValue);
  Runtime& runtime = TheRuntime();
  const std::lock_guard lock(runtime.state);
  *attributes = {};
  attributes->maxThreadsPerBlock = static_cast<int>(kMaxThreadsPerBlock);
  const auto entry = runtime.opted_in_bytes.find(kernel);
  attributes->maxDynamicSharedSizeBytes =
      entry == runtime.opted_in_bytes.end() ? kMaxSharedBytesWithoutOptIn : entry->second;
  return cudaSuccess;
}

}  // namespace assay::simt
