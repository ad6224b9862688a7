#include "reference/cudnn/trial.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <thread>

#include "reference/cudnn/cuda_check.h"
#include "reference/cudnn/error.h"
#include "reference/cudnn/scratch.h"

namespace assay::cudnn {
namespace {

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
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

class Trial : public PlanSource {
 public:
  Trial(Candidates& candidates, Session& session, const Convolution& conv)
      : candidates_(candidates), conv_(conv), timer_(session.ordinal()), tensors_(conv, stream_.get()) {
    CheckCuda(cudaStreamSynchronize(stream_.get()), "filling tensors to try plans on");
  }

  std::int64_t Count() const override { return candidates_.Count(); }
  std::string Name(std::int64_t index) const override { return candidates_.Name(index); }

  void Prepare(std::span<const std::int64_t> indices) override { candidates_.Prepare(indices); }

  std::optional<std::string> Build(std::int64_t index) override {
    if (auto reason = candidates_.Build(index)) return reason;
    std::string failure;
    try {
      const ConvPointers pointers = tensors_.Pointers(candidates_.WorkspaceBytes(index));
      tensors_.PoisonOutput(stream_.get());
      candidates_.Execute(index, pointers, stream_.get());
      CheckCuda(cudaStreamSynchronize(stream_.get()), "running it");
      const std::int64_t unwritten = tensors_.UnwrittenOutputs(stream_.get());
      if (unwritten > 0)
        failure = fmt::format("leaves {} elements of the output unwritten or NaN", unwritten);
    } catch (const std::exception& exception) {
      failure = exception.what();
    }
    if (failure.empty()) return std::nullopt;
    CheckContext(fmt::format("{} plan {}", conv_.name, Name(index)));
    return failure;
  }

  std::optional<double> Sample(std::int64_t index) override {
    try {
      const ConvPointers pointers = tensors_.Pointers(candidates_.WorkspaceBytes(index));
      return timer_.Milliseconds([&] { candidates_.Execute(index, pointers, stream_.get()); }, stream_.get());
    } catch (const std::exception&) {
      CheckContext(fmt::format("{} plan {}", conv_.name, Name(index)));
      return std::nullopt;
    }
  }

  void Drop(std::int64_t index) override { candidates_.Drop(index); }

 private:
  Candidates& candidates_;
  const Convolution& conv_;
  Stream stream_;
  ColdTimer timer_;
  TrialTensors tensors_;
};

}  // namespace

Session::Session(int ordinal)
    : ordinal_(ordinal),
      memory_bytes_(MemoryBytes(ordinal)),
      handles_(static_cast<std::size_t>(Builders())) {}

int Session::Builders() {
  // More are no faster: the compiler inside cuDNN lets few in at a time.
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 4);
}

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

Handle& Session::handle(int builder) {
  std::unique_ptr<Handle>& handle = handles_.at(static_cast<std::size_t>(builder));
  if (handle == nullptr) {
    const DeviceScope scope(ordinal_);
    handle = std::make_unique<Handle>();
  }
  return *handle;
}

Choice ChooseAmong(Candidates& candidates, Session& session, const Convolution& conv,
                   const TuneLimits& limits) {
  const DeviceScope scope(session.ordinal());
  Trial trial(candidates, session, conv);
  return ChoosePlan(trial, limits, Now);
}

TuneLimits LimitsFromEnvironment() {
  TuneLimits limits;
  limits.at_once = Session::Builders();
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
