#include "reference/cudnn/conv_plan.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <list>
#include <map>
#include <utility>

#include "reference/cudnn/cuda_check.h"
#include "reference/cudnn/epilogue.h"
#include "reference/cudnn/error.h"
#include "reference/cudnn/scratch.h"

namespace assay::cudnn {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

const char* FormName(ConvGraph::Form form) {
  switch (form) {
    case ConvGraph::Form::kFused:
      return "fused";
    case ConvGraph::Form::kFusedMin:
      return "fused with min";
    case ConvGraph::Form::kAlone:
      return "alone";
  }
  return "unknown";
}

std::vector<ConvGraph::Form> FormsOf(const Convolution& conv) {
  using Form = ConvGraph::Form;
  if (!conv.HasEpilogue()) return {Form::kAlone};
  if (conv.activation == Activation::kRelu6) return {Form::kFused, Form::kFusedMin, Form::kAlone};
  return {Form::kFused, Form::kAlone};
}

std::uint64_t MemoryBytes(int ordinal) {
  const DeviceScope scope(ordinal);
  std::size_t free = 0, total = 0;
  CheckCuda(cudaMemGetInfo(&free, &total), "asking for the device's memory");
  return total;
}

// Tensors of one half filled with random numbers, for trying its plans.
class TrialTensors {
 public:
  TrialTensors(const Convolution& conv, cudaStream_t stream)
      : conv_(conv),
        output_count_(Count(conv.OutputDims())),
        x_(Bytes(Count(conv.InputDims()))),
        filter_(Bytes(Count(conv.FilterDims()))),
        bias_(conv.bias ? Bytes(conv.out_channels) : 0),
        y_(Bytes(output_count_)) {
    FillRandom(x_.get(), Count(conv.InputDims()), conv.dtype, 1.0f, 1, stream);
    FillRandom(filter_.get(), Count(conv.FilterDims()), conv.dtype, 0.5f, 2, stream);
    if (conv.bias) FillRandom(bias_.get(), conv.out_channels, conv.dtype, 0.5f, 3, stream);
  }

  ConvPointers Pointers(std::uint64_t workspace_bytes) {
    if (workspace_bytes > workspace_.bytes()) {
      workspace_ = DeviceMemory();  // the old one goes first, in case that both do not fit
      workspace_ = DeviceMemory(workspace_bytes);
    }
    return {x_.get(), filter_.get(), bias_.get(), y_.get(), workspace_.get()};
  }
  void PoisonOutput(cudaStream_t stream) { Poison(y_.get(), output_count_, conv_.dtype, stream); }
  std::int64_t UnwrittenOutputs(cudaStream_t stream) {
    return CountNan(y_.get(), output_count_, conv_.dtype, stream);
  }

 private:
  std::size_t Bytes(std::int64_t count) const {
    return static_cast<std::size_t>(count) * ElementBytes(conv_.dtype);
  }

  Convolution conv_;
  std::int64_t output_count_;
  DeviceMemory x_, filter_, bias_, y_, workspace_;
};

}  // namespace

Session::Session(int ordinal) : ordinal_(ordinal), memory_bytes_(MemoryBytes(ordinal)) {}

Session& Session::Of(int ordinal) {
  static std::mutex guard;
  static auto* sessions = new std::map<int, Session*>;
  const std::lock_guard lock(guard);
  const auto found = sessions->find(ordinal);
  if (found != sessions->end()) return *found->second;
  const DeviceScope scope(ordinal);
  auto* session = new Session(ordinal);
  sessions->emplace(ordinal, session);
  return *session;
}

// Runs the plans of a half on tensors of its own.
class ConvPlan::Trial : public PlanSource {
 public:
  explicit Trial(ConvPlan& owner)
      : owner_(owner), timer_(owner.session_.ordinal()), tensors_(owner.conv_, stream_.get()) {
    CheckCuda(cudaStreamSynchronize(stream_.get()), "filling tensors to try plans on");
  }

  std::int64_t Count() const override { return static_cast<std::int64_t>(owner_.plans_.size()); }
  std::string Name(std::int64_t index) const override { return owner_.PlanName(At(index)); }

  std::optional<std::string> Build(std::int64_t index) override {
    const PlanRef& plan = owner_.plans_[At(index)];
    ConvGraph& graph = *owner_.offers_[plan.offer].graph;
    if (auto reason = graph.Build(plan.index)) return reason;
    std::string failure;
    try {
      pointers_ = tensors_.Pointers(graph.WorkspaceBytes(plan.index));
      tensors_.PoisonOutput(stream_.get());
      owner_.Execute(At(index), pointers_, stream_.get());
      CheckCuda(cudaStreamSynchronize(stream_.get()), "running it");
      const std::int64_t unwritten = tensors_.UnwrittenOutputs(stream_.get());
      if (unwritten > 0)
        failure = fmt::format("leaves {} elements of the output unwritten or NaN", unwritten);
    } catch (const std::exception& exception) {
      failure = exception.what();
    }
    if (failure.empty()) return std::nullopt;
    CheckContext(fmt::format("{} plan {}", owner_.conv_.name, Name(index)));
    return failure;
  }

  std::optional<double> Sample(std::int64_t index) override {
    const PlanRef& plan = owner_.plans_[At(index)];
    try {
      pointers_ = tensors_.Pointers(owner_.offers_[plan.offer].graph->WorkspaceBytes(plan.index));
      return timer_.Milliseconds([&] { owner_.Execute(At(index), pointers_, stream_.get()); }, stream_.get());
    } catch (const std::exception&) {
      CheckContext(fmt::format("{} plan {}", owner_.conv_.name, Name(index)));
      return std::nullopt;
    }
  }

  void Drop(std::int64_t index) override {
    const PlanRef& plan = owner_.plans_[At(index)];
    owner_.offers_[plan.offer].graph->Drop(plan.index);
  }

 private:
  static std::size_t At(std::int64_t index) { return static_cast<std::size_t>(index); }

  ConvPlan& owner_;
  Stream stream_;
  ColdTimer timer_;
  TrialTensors tensors_;
  ConvPointers pointers_;
};

ConvPlan::ConvPlan(Session& session, const Convolution& conv) : session_(session), conv_(conv) {
  const DeviceScope scope(session.ordinal());
  const std::uint64_t workspace_limit = session.memory_bytes() / 8;  // tensors of the case need the rest
  for (const ConvGraph::Form form : FormsOf(conv)) {
    try {
      offers_.push_back({form, std::make_unique<ConvGraph>(session.handle(), conv, form, workspace_limit)});
    } catch (const std::exception& exception) {
      // The plainest form's reason first: a message may be cut short.
      refusals_ = fmt::format("{}: {}{}{}", FormName(form), exception.what(), refusals_.empty() ? "" : "; ",
                              refusals_);
    }
  }
  if (offers_.empty())
    throw Error(fmt::format("cuDNN has no plan for the {} half ({})", conv.name, refusals_));
  Enumerate();
}

void ConvPlan::Enumerate() {
  for (std::int64_t index = 0;; ++index) {
    bool any = false;
    for (std::size_t offer = 0; offer < offers_.size(); ++offer) {
      if (index >= offers_[offer].graph->Count()) continue;
      plans_.push_back({offer, index});
      any = true;
    }
    if (!any) return;
  }
}

std::shared_ptr<ConvPlan> ConvPlan::Get(Session& session, const Convolution& conv) {
  // A sweep asks for one problem a few times in a row (supported? judge it; time it) and seldom comes back to
  // it later.
  constexpr std::size_t kKept = 32;
  using Entry = std::pair<std::string, std::shared_ptr<ConvPlan>>;
  static auto* entries = new std::list<Entry>;  // the latest first; never destroyed, as the sessions are not
  static std::mutex guard;
  const std::lock_guard lock(guard);
  const std::string key = fmt::format("cuda:{} {}", session.ordinal(), conv.Key());
  const auto found =
      std::find_if(entries->begin(), entries->end(), [&](const Entry& entry) { return entry.first == key; });
  if (found != entries->end()) {
    entries->splice(entries->begin(), *entries, found);
    return found->second;
  }
  auto plan = std::make_shared<ConvPlan>(session, conv);
  entries->emplace_front(key, plan);
  if (entries->size() > kKept) entries->pop_back();
  return plan;
}

std::string ConvPlan::PlanName(std::size_t plan) const {
  const Offer& offer = offers_[plans_[plan].offer];
  return fmt::format("{} {}", FormName(offer.form), offer.graph->Name(plans_[plan].index));
}

void ConvPlan::Execute(std::size_t plan, const ConvPointers& pointers, void* stream) {
  const Offer& offer = offers_[plans_[plan].offer];
  session_.handle().SetStream(stream);
  offer.graph->Execute(session_.handle(), plans_[plan].index, pointers);
  if (offer.form == ConvGraph::Form::kAlone && conv_.HasEpilogue()) {
    LaunchEpilogue(conv_, pointers.y, pointers.bias, static_cast<cudaStream_t>(stream));
  }
}

void ConvPlan::Tune(const TuneLimits& limits) {
  if (chosen_ >= 0) return;
  const DeviceScope scope(session_.ordinal());
  Choice choice;
  {
    Trial trial(*this);
    choice = ChoosePlan(trial, limits, Now);
  }
  if (!choice.index) {
    throw Error(fmt::format("none of the {} plans that cuDNN offers for the {} half works ({}{}{})",
                            choice.tried, conv_.name, fmt::join(choice.failures, "; "),
                            refusals_.empty() ? "" : "; ", refusals_));
  }
  chosen_ = *choice.index;
  DescribeChoice(choice);
}

void ConvPlan::DescribeChoice(const Choice& choice) {
  const PlanRef& plan = plans_[static_cast<std::size_t>(chosen_)];
  const Offer& offer = offers_[plan.offer];
  std::string how;
  if (conv_.HasEpilogue()) {
    how = offer.form != ConvGraph::Form::kAlone ? " fused with " + conv_.EpilogueName()
                                                : ", then a " + conv_.EpilogueName() + " kernel";
  }
  std::int64_t barred = 0;
  for (const Offer& each : offers_) barred += each.graph->Barred();
  description_ = fmt::format(
      "{}: {}{}, {:.4f} ms cold; {} offered, {} barred, {} repeated, {} tried, {} failed{}", conv_.name,
      offer.graph->Name(plan.index), how, choice.median_ms, choice.offered + barred, barred, choice.repeated,
      choice.tried, choice.failed, choice.out_of_time ? ", the rest left for time" : "");
}

std::uint64_t ConvPlan::WorkspaceBytes() const {
  const PlanRef& plan = plans_.at(static_cast<std::size_t>(chosen_));
  return offers_[plan.offer].graph->WorkspaceBytes(plan.index);
}

void ConvPlan::Launch(const ConvPointers& pointers, void* stream) {
  if (chosen_ < 0) throw Error("launched before a plan was chosen");
  Execute(static_cast<std::size_t>(chosen_), pointers, stream);
}

TuneLimits LimitsFromEnvironment() {
  TuneLimits limits;
  const char* seconds = std::getenv("ASSAY_CUDNN_TUNE_SECONDS");
  if (seconds == nullptr || *seconds == '\0') return limits;
  char* end = nullptr;
  limits.seconds = std::strtod(seconds, &end);
  if (*end != '\0' || !(limits.seconds > 0)) {
    throw Error(
        fmt::format("ASSAY_CUDNN_TUNE_SECONDS is '{}'; it must be a number of seconds above 0", seconds));
  }
  return limits;
}

}  // namespace assay::cudnn
