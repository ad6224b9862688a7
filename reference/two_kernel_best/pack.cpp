// The strongest two kernels: either half by whatever is the fastest here, cuDNN, cuBLASLt or a kernel of our
// own.
#include <fmt/format.h>

#include <list>
#include <memory>
#include <string>
#include <utility>

#include "reference/cudnn/library.h"
#include "reference/cudnn/pack_table.h"
#include "reference/two_kernel_best/best_half.h"
#include "reference/two_kernel_best/cublaslt.h"

namespace assay::cudnn {
namespace {

// The latest halves: a sweep asks for one problem a few times in a row, and it is to be one plan that is
// judged and timed. Session::mutex() is held.
std::shared_ptr<BestHalf> Remembered(Session& session, const Convolution& conv) {
  constexpr std::size_t kKept = 32;
  using Entry = std::pair<std::string, std::shared_ptr<BestHalf>>;
  static auto* entries = new std::list<Entry>;  // never destroyed, as the sessions are not
  const std::string key = fmt::format("cuda:{} {}", session.ordinal(), conv.Key());
  for (auto entry = entries->begin(); entry != entries->end(); ++entry) {
    if (entry->first != key) continue;
    entries->splice(entries->begin(), *entries, entry);
    return entry->second;
  }
  auto half = std::make_shared<BestHalf>(session, conv);
  entries->emplace_front(key, half);
  if (entries->size() > kKept) entries->pop_back();
  return half;
}

struct TwoKernelBest {
  static constexpr const char* kName = "two_kernel_best";
  static constexpr const char* kLibraries = "two_kernel_best";
  static constexpr const char* kSummary =
      "two kernels, each the fastest of cuDNN's plans, cuBLASLt's algorithms and depthwise kernels of our "
      "own";
  static constexpr const char* kTf32Name = "two_kernel_best_tf32";
  static constexpr const char* kTf32Summary =
      "as two_kernel_best, for fp32 tensors, also of what rounds operands to TF32";

  // The pointwise half needs one of the libraries.
  static std::string Unavailable() {
    const std::string& cudnn = OpenLibrary().unavailable;
    const std::string cublaslt = CublasLtUnavailable();
    return cudnn.empty() || cublaslt.empty() ? "" : fmt::format("{}; {}", cudnn, cublaslt);
  }
  static std::string Version() {
    const std::string& cudnn = OpenLibrary().version;
    const std::string cublaslt = CublasLtName();
    return cudnn + (cudnn.empty() || cublaslt.empty() ? "" : ", ") + cublaslt;
  }
  static std::shared_ptr<HalfPlan> OfferHalf(Session& session, const Convolution& conv) {
    return Remembered(session, conv);
  }
  static std::shared_ptr<HalfPlan> MakeHalf(Session& session, const Convolution& conv) {
    auto half = Remembered(session, conv);
    half->Tune(LimitsFromEnvironment());
    return half;
  }
};

}  // namespace
}  // namespace assay::cudnn

extern "C" const assay_pack* assay_pack_entry(void) {
  static const assay_pack pack = assay::cudnn::PackTable<assay::cudnn::TwoKernelBest>::Make();
  return &pack;
}
