#include "harness/worker/worker_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "harness/device/pack_loader.h"

namespace assay {
namespace {

// What one transfer carries at most.
constexpr std::size_t kBlockBytes = std::size_t{32} << 20;
// Starting CUDA and opening libraries, however slow the disk.
constexpr double kStartSeconds = 300;

}  // namespace

WorkerLink::WorkerLink(std::vector<std::string> command)
    : command_(std::move(command)), block_(kBlockBytes) {}

void WorkerLink::Start() {
  process_.reset();
  ++generation_;
  later_.clear();
  last_fault_.clear();
  block_.StoreStatus(0);
  process_ = std::make_unique<WorkerProcess>(command_, block_);
  SetLimit(kStartSeconds);
}

void WorkerLink::SetLimit(double seconds) { limit_ = left_ = seconds; }

void WorkerLink::Later(nlohmann::json request, std::uint64_t generation) noexcept {
  if (!process_ || generation != generation_) return;
  try {
    later_.push_back(std::move(request));
  } catch (...) {
    // Out of memory: the worker keeps what it could give back, which does no harm.
  }
}

nlohmann::json WorkerLink::Call(nlohmann::json request, const std::string& doing, double extra_seconds) {
  if (!process_) throw WorkerLost(WorkerLost::Cause::kNotStarted, "there is no worker process");
  if (!later_.empty()) request["before"] = std::exchange(later_, nlohmann::json::array());
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  TimeLimit limit{std::max(left_, 0.01) + extra_seconds,
                  case_.empty() ? fmt::format("the {:.3g} s that this may take", limit_)
                                : fmt::format("the {:.3g} s of its case (limits: seconds)", limit_)};
  if (extra_seconds > 0) limit.words += fmt::format(" and {:.3g} s of sampling", extra_seconds);
  nlohmann::json answer;
  try {
    answer = process_->Call(request, limit, case_.empty() ? doing : fmt::format("{} of {}", doing, case_));
  } catch (const WorkerLost&) {
    left_output_ = process_->TakeOutput();
    process_.reset();
    throw;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  left_ -= std::max(0.0, seconds - extra_seconds);
  if (answer.contains("fault")) last_fault_ = answer["fault"].get<std::string>();
  if (answer.contains("error")) ThrowError(answer);
  return answer;
}

void WorkerLink::ThrowError(const nlohmann::json& answer) {
  const std::string sentence = answer.at("error");
  const std::string kind = answer.at("kind");
  if (kind == "variant") throw VariantError(sentence);
  if (kind == "memory") throw std::bad_alloc();
  if (kind == "other") throw std::runtime_error(sentence);
  DeviceError error(sentence);
  error.sticky = kind == "lost";
  // A process cannot leave a CUDA context that a kernel has poisoned.
  if (error.sticky) {
    left_output_ = process_->TakeOutput();
    process_.reset();
  }
  throw error;
}

}  // namespace assay
