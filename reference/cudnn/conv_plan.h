// The plan for one half: every plan that cuDNN offers for it, tried and timed cold, and the fastest kept.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
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
  static Session& Of(int ordinal);  // throws Error if cuDNN refuses the device

  // Guards everything below, and all use of the handle.
  std::mutex& mutex() { return mutex_; }
  Handle& handle() { return handle_; }
  int ordinal() const { return ordinal_; }
  std::uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  explicit Session(int ordinal);

  std::mutex mutex_;
  int ordinal_;
  std::uint64_t memory_bytes_ = 0;
  Handle handle_;
};

class ConvPlan {
 public:
  // Asks cuDNN for plans, or finds a half of the same key that was asked for before. Throws Error with the
  // reasons, one a form, if there is none. Session::mutex() must be held for this and all that follows.
  static std::shared_ptr<ConvPlan> Get(Session& session, const Convolution& conv);

  ConvPlan(Session& session, const Convolution& conv);

  // Tries and times the plans, unless that was done before. Throws Error if none works.
  void Tune(const TuneLimits& limits);

  // These need Tune().
  std::uint64_t WorkspaceBytes() const;
  void Launch(const ConvPointers& pointers, void* stream);
  const std::string& description() const { return description_; }

 private:
  class Trial;
  struct Offer {
    ConvGraph::Form form;
    std::unique_ptr<ConvGraph> graph;
  };

  // Plans of the offers in turn, so that each form's most promising ones come first.
  void Enumerate();
  void Execute(std::size_t plan, const ConvPointers& pointers, void* stream);
  std::string PlanName(std::size_t plan) const;
  void DescribeChoice(const Choice& choice);

  struct PlanRef {
    std::size_t offer;
    std::int64_t index;
  };

  Session& session_;
  Convolution conv_;
  std::vector<Offer> offers_;
  std::vector<PlanRef> plans_;
  std::int64_t chosen_ = -1;
  std::string refusals_;  // why a form has no plans
  std::string description_;
};

// The default limits; $ASSAY_CUDNN_TUNE_SECONDS replaces the seconds. Throws Error if that is not a number.
TuneLimits LimitsFromEnvironment();

}  // namespace assay::cudnn
