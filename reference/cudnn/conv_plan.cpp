#include "reference/cudnn/conv_plan.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <thread>
#include <utility>

#include "reference/cudnn/cuda_check.h"
#include "reference/cudnn/epilogue.h"
#include "reference/cudnn/error.h"
#include "reference/cudnn/scratch.h"

namespace assay::cudnn {
namespace {

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

}  // namespace

ConvPlan::ConvPlan(Session& session, const Convolution& conv)
    : session_(session),
      conv_(conv),
      workspace_limit_(session.memory_bytes() / 8) {  // tensors of the case need the rest
  const DeviceScope scope(session.ordinal());
  Handle& handle = session.handle();
  for (const ConvGraph::Form form : FormsOf(conv)) {
    try {
      Offer offer{form, {}};
      offer.graphs.push_back(std::make_unique<ConvGraph>(handle, conv, form, workspace_limit_));
      offer.graphs.resize(static_cast<std::size_t>(Session::Builders()));
      offers_.push_back(std::move(offer));
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
      if (index >= offers_[offer].first().Count()) continue;
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

std::string ConvPlan::Name(std::int64_t index) const {
  const Offer& offer = offers_[At(index).offer];
  return fmt::format("{} {}", FormName(offer.form), offer.first().Name(At(index).index));
}

void ConvPlan::PrepareOne(PlanRef& plan) {
  try {
    const DeviceScope scope(session_.ordinal());
    Offer& offer = offers_[plan.offer];
    std::unique_ptr<ConvGraph>& graph = offer.graphs[plan.builder];
    Handle& handle = session_.handle(static_cast<int>(plan.builder));
    if (graph == nullptr) graph = std::make_unique<ConvGraph>(handle, conv_, offer.form, workspace_limit_);
    // The heuristics are asked anew, and might answer otherwise.
    if (graph->Count() != offer.first().Count() || graph->Name(plan.index) != offer.first().Name(plan.index))
      return;
    plan.refusal = graph->Build(plan.index);
    plan.prepared = true;
  } catch (const std::exception&) {
    // Build() tries again, and says why not.
  }
}

// A plan that cuDNN compiles takes half a second, on one core.
void ConvPlan::Prepare(std::span<const std::int64_t> indices) {
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < indices.size() && i < static_cast<std::size_t>(Session::Builders()); ++i) {
    PlanRef& plan = At(indices[i]);
    plan.builder = i;
    threads.emplace_back([this, &plan] { PrepareOne(plan); });
  }
  if (!indices.empty()) PrepareOne(At(indices[0]));
  for (std::thread& thread : threads) thread.join();
}

std::optional<std::string> ConvPlan::Build(std::int64_t index) {
  PlanRef& plan = At(index);
  if (plan.prepared) return plan.refusal;
  plan.builder = 0;
  return GraphOf(plan).Build(plan.index);
}

std::uint64_t ConvPlan::WorkspaceBytes(std::int64_t index) const {
  return GraphOf(At(index)).WorkspaceBytes(At(index).index);
}

void ConvPlan::Execute(std::int64_t index, const ConvPointers& pointers, void* stream) {
  const Offer& offer = offers_[At(index).offer];
  Handle& handle = session_.handle(static_cast<int>(At(index).builder));
  handle.SetStream(stream);
  GraphOf(At(index)).Execute(handle, At(index).index, pointers);
  if (offer.form == ConvGraph::Form::kAlone && conv_.HasEpilogue()) {
    LaunchEpilogue(conv_, pointers.y, pointers.bias, static_cast<cudaStream_t>(stream));
  }
}

void ConvPlan::Drop(std::int64_t index) { GraphOf(At(index)).Drop(At(index).index); }

void ConvPlan::Tune(const TuneLimits& limits) {
  if (chosen_ >= 0) return;
  const Choice choice = ChooseAmong(*this, session_, conv_, limits);
  if (!choice.index) {
    throw Error(fmt::format("none of the {} plans that cuDNN offers for the {} half works ({}{}{})",
                            choice.tried, conv_.name, fmt::join(choice.failures, "; "),
                            refusals_.empty() ? "" : "; ", refusals_));
  }
  chosen_ = *choice.index;
  for (Offer& offer : offers_) {
    for (std::size_t i = 1; i < offer.graphs.size(); ++i) {
      if (i != At(chosen_).builder) offer.graphs[i] = nullptr;
    }
  }
  DescribeChoice(choice);
}

std::string ConvPlan::ChosenName() const {
  const Offer& offer = offers_[At(chosen_).offer];
  std::string name = offer.first().Name(At(chosen_).index);
  if (!conv_.HasEpilogue()) return name;
  return name + (offer.form != ConvGraph::Form::kAlone ? " fused with " + conv_.EpilogueName()
                                                       : ", then a " + conv_.EpilogueName() + " kernel");
}

void ConvPlan::DescribeChoice(const Choice& choice) {
  std::int64_t barred = 0;
  for (const Offer& each : offers_) barred += each.first().Barred();
  counts_ = fmt::format("{} offered, {} barred, {} repeated, {} tried, {} failed{}", choice.offered + barred,
                        barred, choice.repeated, choice.tried, choice.failed,
                        choice.out_of_time ? ", the rest left for time" : "");
  description_ =
      fmt::format("{}: {}, {:.4f} ms cold; {}", conv_.name, ChosenName(), choice.median_ms, counts_);
}

std::uint64_t ConvPlan::WorkspaceBytes() const { return WorkspaceBytes(chosen_); }

void ConvPlan::Launch(const ConvPointers& pointers, void* stream) {
  if (chosen_ < 0) throw Error("launched before a plan was chosen");
  Execute(chosen_, pointers, stream);
}

}  // namespace assay::cudnn
