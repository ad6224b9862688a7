// Step order: what a launch gives depends on what its inputs hold when the stream comes to it, and on nothing
// else: not on earlier launches, pointers, other streams or other launches in flight.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>

#include "harness/device/case_buffers.h"
#include "harness/verify/sentences.h"
#include "harness/verify/steps.h"
#include "reference/dtype.h"

namespace assay {
namespace {

std::string NotApplicable(const Case&) { return {}; }
int Turns(const Case&, int /*seeds*/) { return 1; }

FillKind BaseKind(const Case& c) {
  std::string why;
  return c.problem.op->HasExactInputs(c.problem, c.dtype, &why) ? FillKind::kExact : FillKind::kRandom;
}

// A multiple of no more than what the variant asks for: where it begins is its only alignment then.
std::size_t LeastAligned(const Case& c, const assay_promise& promise) {
  constexpr std::size_t kAllocated = 256;  // at the least, by every device
  const std::size_t wanted =
      std::max<std::size_t>(static_cast<std::size_t>(std::max(promise.alignment, 0)), DTypeBytes(c.dtype));
  return wanted < kAllocated ? wanted : 0;
}

std::vector<std::uint64_t> OutputHashes(const CaseRun& run) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < run.outputs().size(); ++i) {
    hashes.push_back(HashBytes(run.OutputBits(static_cast<int>(i))));
  }
  return hashes;
}

// Holds streams back; lets go of them when it ends, also by an exception.
class HeldStreams {
 public:
  HeldStreams(Device& device, std::initializer_list<Stream*> streams) : device_(device) {
    for (Stream* stream : streams) device.HoldStream(*stream);
  }
  ~HeldStreams() { device_.ReleaseStreams(); }
  HeldStreams(const HeldStreams&) = delete;
  HeldStreams& operator=(const HeldStreams&) = delete;

 private:
  Device& device_;
};

// The parts of the step, each up to the first fault.
class OrderCheck {
 public:
  OrderCheck(CaseRun& run, const Turn& turn)
      : run_(run), base_(run.DrawingOf(BaseKind(run.c()), turn.first_seed)) {
    other_ = base_;
    ++other_.seed;
  }

  Finding Check() {
    run_.Launch(base_);
    if (!Compare(base_, "inputs launched again after others")) return found_;
    base_hashes_ = OutputHashes(run_);
    FindWeightToChange();
    if (ChangedActivation() && ChangedWeight() && FreshPointers()) TwoInFlight();
    return found_;
  }

 private:
  // Compares the last launch; false if it is wrong. `what` tells the parts apart.
  bool Compare(const Drawing& drawing, const std::string& what) {
    const Finding finding = CompareLastLaunch(Step::kOrder, run_, drawing);
    found_.max_error_share = std::max(found_.max_error_share, finding.max_error_share);
    if (finding.failure) {
      found_.failure = finding.failure;
      found_.failure->detail += fmt::format(" ({})", what);
      return false;
    }
    if (run_.memory_failure()) return false;
    Note(what);
    return true;
  }

  void Note(const std::string& what) { found_.note += (found_.note.empty() ? "" : "; ") + what; }

  // A drawing with one weight changed for which the output in hand would be wrong.
  void FindWeightToChange() {
    constexpr std::uint64_t kTries = 3;
    Drawing changed = base_;
    changed.change = TensorRole::kWeight;
    try {
      for (; changed.change_number < kTries && !changed_weight_; ++changed.change_number) {
        if (CompareLastLaunch(Step::kOrder, run_, changed).failure) changed_weight_ = changed;
      }
    } catch (const NothingToChange&) {
    }
  }

  // One element becomes NaN, and nothing else happens between two launches.
  bool ChangedActivation() {
    Drawing changed = base_;
    changed.change = TensorRole::kActivation;
    try {
      run_.LaunchWithNewActivations(changed);
    } catch (const NothingToChange&) {
      Note("no output sees any activation, so none was changed");
      return true;
    }
    return Compare(changed, "one activation changed behind the same pointers");
  }

  bool ChangedWeight() {
    if (!changed_weight_) {
      Note("no single weight that was tried changes the output, so none was changed");
      return true;
    }
    run_.Launch(*changed_weight_);
    return Compare(*changed_weight_, "one weight changed and prepared again");
  }

  // The first inputs again in other memory, no better aligned than promised, where they arrive on the
  // launch's stream just before it.
  bool FreshPointers() {
    const Case& c = run_.c();
    const std::uint64_t workspace_bytes = run_.plan().WorkspaceBytes();
    Device& device = run_.device();
    try {
      if (CaseBuffers::BytesNeeded(c.problem, c.dtype, workspace_bytes) <= device.FreeBytes()) {
        second_ = std::make_unique<CaseBuffers>(device, c.problem, c.dtype, workspace_bytes,
                                                LeastAligned(c, run_.promise()));
      }
    } catch (const DeviceError& error) {
      if (error.sticky) throw;
    }
    if (!second_) {
      Note("no memory for a second set of buffers, so launches with other pointers were not checked");
      return true;
    }
    stream_ = device.CreateStream();
    run_.Prepare(run_.buffers(), base_);
    run_.Prepare(*second_, base_);
    second_->PoisonInputs(TensorRole::kActivation);
    second_->PoisonOutputs();
    run_.Attempt([&] {
      const HeldStreams held(device, {stream_.get()});
      second_->CopyInputsOnStream(device, *stream_, run_.buffers(), TensorRole::kActivation);
      run_.plan().Launch(second_->Pointers(), stream_->handle());
      device.ReleaseStreams();
      stream_->Synchronize();
    });
    run_.Collect(*second_, base_.seed);
    const bool host = device.info().backend == ASSAY_BACKEND_HOST;
    if (!Compare(base_, host ? "other pointers, aligned as promised and no more"
                             : "other pointers, aligned as promised and no more, the activations arriving on "
                               "the launch's stream while it waits")) {
      return false;
    }
    if (run_.promise().repeatable == 0 || OutputHashes(run_) == base_hashes_) {
      if (run_.promise().repeatable != 0) Note("the same bits each time, as promised");
      return true;
    }
    Failure failure;
    failure.step = Step::kOrder;
    failure.seed = base_.seed;
    failure.detail = fmt::format(
        "step {}, seed {}: the same inputs gave other bits at another launch, where the variant promises the "
        "same",
        StepName(Step::kOrder), base_.seed);
    found_.failure = failure;
    return false;
  }

  // Different inputs in different memory, launched on two streams of which neither begins before both are
  // enqueued. On the host device they run one after the other, but both were prepared before either.
  bool TwoInFlight() {
    Device& device = run_.device();
    if (!second_) return true;
    const bool host = device.info().backend == ASSAY_BACKEND_HOST;
    if (host) Note("launches in flight together and late inputs are beyond the host device");
    const auto other_stream = device.CreateStream();
    run_.Prepare(run_.buffers(), base_);
    run_.Prepare(*second_, other_);
    run_.buffers().PoisonOutputs();
    second_->PoisonOutputs();
    run_.Attempt([&] {
      const HeldStreams held(device, {stream_.get(), other_stream.get()});
      run_.plan().Launch(run_.buffers().Pointers(), stream_->handle());
      run_.plan().Launch(second_->Pointers(), other_stream->handle());
      device.ReleaseStreams();
      stream_->Synchronize();
      other_stream->Synchronize();
    });
    run_.Collect(run_.buffers(), base_.seed);
    if (!Compare(base_, host ? "the first of two sets prepared before either was launched"
                             : "the first of two launches in flight")) {
      return false;
    }
    run_.Collect(*second_, other_.seed);
    return Compare(other_, host ? "the second of them" : "the second of two launches in flight");
  }

  CaseRun& run_;
  Drawing base_, other_;
  std::optional<Drawing> changed_weight_;
  std::vector<std::uint64_t> base_hashes_;
  std::unique_ptr<CaseBuffers> second_;
  std::unique_ptr<Stream> stream_;
  Finding found_;
};

Finding Run(CaseRun& run, const Turn& turn) { return OrderCheck(run, turn).Check(); }

std::string Passed(const CaseRun&, const StepSummary& summary) { return summary.note; }

}  // namespace

JudgingStep OrderStep() { return {Step::kOrder, NotApplicable, Turns, false, Run, Passed}; }

}  // namespace assay
