// Where packs are open, plans are made and launches are timed: this process, or a worker process that a
// faulty kernel may take down without harm to anybody else. What decides over right and wrong uses this
// interface alone, so it never shares a process with a kernel unless it is told to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/config/config.h"
#include "harness/device/configurations.h"
#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/measure/measure.h"
#include "harness/profile/ranges.h"

namespace assay {

// A variant by its place: in the list of packs, and in that pack's table; and how it is launched.
struct VariantId {
  std::size_t pack = 0;
  std::size_t variant = 0;
  bool graph = false;  // as a CUDA graph
};

// What one launch is given. Addresses are the device's.
struct LaunchBuffers {
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  void* workspace = nullptr;
  std::uint64_t workspace_bytes = 0;

  assay_buffers View() const;  // valid as long as this object
};

// A run of device memory.
struct DeviceRange {
  std::byte* data = nullptr;
  std::size_t bytes = 0;
};

// A plan to be timed: launch i takes the buffers of set i % sets.size().
struct TimedLaunches {
  std::string id;            // of the case
  std::uint64_t number = 0;  // of the case in its sweep
  Plan* plan = nullptr;
  std::vector<LaunchBuffers> sets;
  std::vector<DeviceRange> outputs;  // filled with NaN where the sampler asks for it
  // The activations among a set's inputs, which may change from launch to launch; a list a set.
  std::vector<std::vector<DeviceRange>> activations;
  assay_dtype dtype = ASSAY_F32;
};

// The device was lost while a candidate was being timed, and it is known which. Always sticky.
class CulpritFound : public DeviceError {
 public:
  CulpritFound(std::size_t place, const std::string& sentence) : DeviceError(sentence), candidate(place) {
    sticky = true;
  }
  std::size_t candidate;
};

class Executor {
 public:
  virtual ~Executor() = default;

  virtual Device& device() = 0;
  // In a fixed order; one that could not be opened says why.
  virtual const std::vector<Pack>& packs() const = 0;
  // What a reader must know of the GPU; empty on the host device.
  virtual std::vector<std::pair<std::string, std::string>> DescribeDevice() = 0;

  // Why the variant does not take the problem; empty: it does.
  virtual std::string WhyNot(VariantId variant, const assay_problem& problem) = 0;
  // What the variant says of its tile; see harness/device/tile.h.
  virtual std::vector<TileAxis> Tile(VariantId variant, const assay_problem& problem) = 0;
  // What the variant lists to choose from; see harness/device/configurations.h. Throws VariantError.
  virtual std::vector<Configuration> Configurations(VariantId variant, const assay_problem& problem) = 0;
  // `configuration`: one of those, or empty for the variant's own choice. Throws VariantError if the
  // variant's create() fails.
  virtual std::unique_ptr<Plan> Create(VariantId variant, const assay_problem& problem,
                                       const std::string& configuration) = 0;

  // See harness/measure/measure.h. `plan`s are of this executor.
  virtual std::vector<Measurement> Measure(const MeasureSettings& settings,
                                           std::span<const TimedLaunches> candidates, BenchmarkLog* log) = 0;
  // Launches `count` times back to back, beginning with set `first`, and returns when every stream is idle.
  virtual void LaunchBackToBack(const TimedLaunches& launches, std::size_t first, std::size_t count) = 0;
  virtual double EmptyLaunchSeconds() = 0;
  virtual Ceilings MeasureCeilings() = 0;

  // What follows belongs to the case of that id and may take so long in all, the caller's own time aside.
  // Measure() has its own limit on top.
  virtual void BeginCase(const std::string& /*id*/, double /*limit_seconds*/) {}
  // The same for one that goes on in a process that its own kernel may have changed.
  virtual void ContinueCase(const std::string& /*id*/, double /*limit_seconds*/) {}
  // What packs have printed since the last call, at most its end.
  virtual std::string TakeOutput() { return {}; }
  // Ranges that a profiler of the kernels' process sees. Use ExecutorRange.
  virtual void OpenRange(ProfileRange::Kind kind, const std::string& message, std::uint64_t payload) = 0;
  virtual void CloseRange() noexcept = 0;

  // After a DeviceError that is sticky: makes device and packs usable again. Plans and memory from before are
  // lost. Throws DeviceError, sticky, if that is not possible.
  virtual void Restart() = 0;
  // Counts the restarts: plans and memory of another generation are lost.
  virtual std::uint64_t generation() const { return 0; }
};

class [[nodiscard]] ExecutorRange {
 public:
  ExecutorRange(Executor& executor, ProfileRange::Kind kind, const std::string& message,
                std::uint64_t payload = 0)
      : executor_(executor) {
    executor_.OpenRange(kind, message, payload);
  }
  ~ExecutorRange() { executor_.CloseRange(); }
  ExecutorRange(const ExecutorRange&) = delete;
  ExecutorRange& operator=(const ExecutorRange&) = delete;

 private:
  Executor& executor_;
};

}  // namespace assay
