// Tries the plans of one half on tensors of its own: what ChoosePlan() chooses among.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reference/cudnn/choose.h"
#include "reference/cudnn/conv_graph.h"
#include "reference/cudnn/convolution.h"

namespace assay::cudnn {

// What one device needs for plans, made at first use and kept to the end of the process (cuDNN's own state
// must outlive it, and the driver may be gone by the time that static objects are destroyed).
class Session {
 public:
  static Session& Of(int ordinal);  // throws Error if there is no such device

  // Guards everything below, and all use of the handle.
  std::mutex& mutex() { return mutex_; }
  Handle& handle() { return handle(0); }
  // cuDNN's, made when first asked for; throws Error if cuDNN refuses the device. One thread at a time may
  // use a handle, so there are as many as plans may be built side by side.
  Handle& handle(int builder);
  static int Builders();
  int ordinal() const { return ordinal_; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  explicit Session(int ordinal);

  std::mutex mutex_;
  int ordinal_;
  std::uint64_t memory_bytes_ = 0;
  std::vector<std::unique_ptr<Handle>> handles_;
};

// Ways to compute one half, by number, the most promising first.
class Candidates {
 public:
  virtual ~Candidates() = default;
  virtual std::int64_t Count() const = 0;
  // Equal names mean the same plan, offered twice.
  virtual std::string Name(std::int64_t index) const = 0;
  // As PlanSource::Prepare.
  virtual void Prepare(std::span<const std::int64_t> indices) { (void)indices; }
  // nullopt: it can be executed. Otherwise the reason, a sentence without a full stop.
  virtual std::optional<std::string> Build(std::int64_t index) = 0;
  virtual std::uint64_t WorkspaceBytes(std::int64_t index) const = 0;  // of one that was built
  // Enqueues the half with its bias and activation. Throws Error.
  virtual void Execute(std::int64_t index, const ConvPointers& pointers, void* stream) = 0;
  virtual void Drop(std::int64_t index) = 0;  // it is out of the running
};

// Builds, runs and times every candidate, cold, and keeps the fastest; the device of the session is current
// meanwhile. A candidate that leaves outputs unwritten has failed. Throws Error if the CUDA context breaks.
Choice ChooseAmong(Candidates& candidates, Session& session, const Convolution& conv,
                   const TuneLimits& limits);

// The default limits; $ASSAY_CUDNN_TUNE_SECONDS replaces the seconds. Throws Error if that is not a number.
TuneLimits LimitsFromEnvironment();

}  // namespace assay::cudnn
