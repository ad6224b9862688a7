#include "reference/two_kernel_best/best_half.h"

#include <fmt/format.h>

#include <iterator>

#include "reference/cudnn/error.h"
#include "reference/cudnn/library.h"
#include "reference/cudnn/scratch.h"
#include "reference/two_kernel_best/cublaslt.h"
#include "reference/two_kernel_best/depthwise.h"

namespace assay::cudnn {
namespace {

// Of a depthwise convolution every input channel makes one output channel by itself; only then is a half of
// one channel either.
bool IsDepthwise(const Convolution& conv) { return conv.name == std::string("depthwise"); }

}  // namespace

BestHalf::BestHalf(Session& session, const Convolution& conv) : session_(session), conv_(conv) {
  const DeviceScope scope(session.ordinal());
  std::string refusal = OpenLibrary().unavailable;
  if (refusal.empty()) {
    try {
      cudnn_ = ConvPlan::Get(session, conv);
    } catch (const Error& error) {
      refusal = error.what();
    }
  }
  if (IsDepthwise(conv)) {
    Add(NativeDepthwiseKernels(conv));
    field_ = fmt::format("{} native", contenders_.size());
  } else {
    MatmulContenders matmuls = PointwiseMatmuls(conv, session.ordinal());
    field_ = matmuls.unavailable.empty() ? fmt::format("{} of {}", matmuls.all.size(), matmuls.library)
                                         : fmt::format("no cuBLASLt: {}", matmuls.unavailable);
    Add(std::move(matmuls.all));
  }
  if (cudnn_ == nullptr) {
    if (contenders_.empty()) throw Error(fmt::format("{}; {}", refusal, field_));
    field_ += "; no cuDNN plan";
  }
}

void BestHalf::Add(std::vector<Contender> contenders) {
  contenders_.insert(contenders_.end(), std::make_move_iterator(contenders.begin()),
                     std::make_move_iterator(contenders.end()));
}

void BestHalf::AddCudnn(const TuneLimits& limits) {
  if (cudnn_ == nullptr) return;
  try {
    cudnn_->Tune(limits);
  } catch (const Error& error) {
    if (contenders_.empty()) throw;
    field_ += fmt::format("; {}", error.what());
    return;
  }
  field_ += fmt::format("; cuDNN {}", cudnn_->counts());
  contenders_.insert(contenders_.begin(), {"cuDNN " + cudnn_->ChosenName(), cudnn_->WorkspaceBytes(),
                                           [plan = cudnn_](const ConvPointers& pointers, void* stream) {
                                             plan->Launch(pointers, stream);
                                           }});
}

void BestHalf::Tune(const TuneLimits& limits) {
  if (chosen_ >= 0) return;
  AddCudnn(limits);
  const Choice choice = ChooseAmong(*this, session_, conv_, limits);
  if (!choice.index) {
    throw Error(fmt::format("nothing computes the {} half ({}): {}", conv_.name, field_,
                            fmt::join(choice.failures, "; ")));
  }
  chosen_ = *choice.index;
  description_ =
      fmt::format("{}: {}, {:.4f} ms cold, of {}{}{}", conv_.name, At(chosen_).name, choice.median_ms, field_,
                  choice.failed > 0 ? fmt::format(", {} failed", choice.failed) : "",
                  choice.out_of_time ? ", the rest left for time" : "");
}

std::uint64_t BestHalf::WorkspaceBytes() const { return At(chosen_).workspace_bytes; }

void BestHalf::Launch(const ConvPointers& pointers, void* stream) {
  if (chosen_ < 0) throw Error("launched before a plan was chosen");
  At(chosen_).launch(pointers, stream);
}

}  // namespace assay::cudnn
