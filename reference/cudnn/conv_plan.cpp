#include "reference/cudnn/conv_plan.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <list>
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

ConvPlan::ConvPlan(Session& session, const Convolution& conv) : session_(session), conv_(conv) {
  const DeviceScope scope(session.ordinal());
  Handle& handle = session.handle();
  const std::uint64_t workspace_limit = session.memory_bytes() / 8;  // tensors of the case need the rest
  for (const ConvGraph::Form form : FormsOf(conv)) {
    try {
      offers_.push_back({form, std::make_unique<ConvGraph>(handle, conv, form, workspace_limit)});
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

std::string ConvPlan::Name(std::int64_t index) const {
  const Offer& offer = offers_[At(index).offer];
  return fmt::format("{} {}", FormName(offer.form), offer.graph->Name(At(index).index));
}

std::optional<std::string> ConvPlan::Build(std::int64_t index) {
  return offers_[At(index).offer].graph->Build(At(index).index);
}

std::uint64_t ConvPlan::WorkspaceBytes(std::int64_t index) const {
  return offers_[At(index).offer].graph->WorkspaceBytes(At(index).index);
}

void ConvPlan::Execute(std::int64_t index, const ConvPointers& pointers, void* stream) {
  const Offer& offer = offers_[At(index).offer];
  session_.handle().SetStream(stream);
  offer.graph->Execute(session_.handle(), At(index).index, pointers);
  if (offer.form == ConvGraph::Form::kAlone && conv_.HasEpilogue()) {
    LaunchEpilogue(conv_, pointers.y, pointers.bias, static_cast<cudaStream_t>(stream));
  }
}

void ConvPlan::Drop(std::int64_t index) { offers_[At(index).offer].graph->Drop(At(index).index); }

void ConvPlan::Tune(const TuneLimits& limits) {
  if (chosen_ >= 0) return;
  const Choice choice = ChooseAmong(*this, session_, conv_, limits);
  if (!choice.index) {
    throw Error(fmt::format("none of the {} plans that cuDNN offers for the {} half works ({}{}{})",
                            choice.tried, conv_.name, fmt::join(choice.failures, "; "),
                            refusals_.empty() ? "" : "; ", refusals_));
  }
  chosen_ = *choice.index;
  DescribeChoice(choice);
}

std::string ConvPlan::ChosenName() const {
  const Offer& offer = offers_[At(chosen_).offer];
  std::string name = offer.graph->Name(At(chosen_).index);
  if (!conv_.HasEpilogue()) return name;
  return name + (offer.form != ConvGraph::Form::kAlone ? " fused with " + conv_.EpilogueName()
                                                       : ", then a " + conv_.EpilogueName() + " kernel");
}

void ConvPlan::DescribeChoice(const Choice& choice) {
  std::int64_t barred = 0;
  for (const Offer& each : offers_) barred += each.graph->Barred();
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
