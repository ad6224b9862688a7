// The cuDNN pack: two convolutions by cuDNN's fastest plans.
#include <memory>
#include <string>

#include "reference/cudnn/conv_plan.h"
#include "reference/cudnn/library.h"
#include "reference/cudnn/pack_table.h"

namespace assay::cudnn {
namespace {

struct Cudnn {
  static constexpr const char* kName = "cudnn";
  static constexpr const char* kLibraries = "cuDNN";
  static constexpr const char* kSummary = assay::cudnn::kSummary;
  static constexpr const char* kTf32Name = "cudnn_tf32";
  static constexpr const char* kTf32Summary = assay::cudnn::kTf32Summary;
  static std::string Unavailable() { return OpenLibrary().unavailable; }
  static std::string Version() { return OpenLibrary().version; }
  static std::shared_ptr<HalfPlan> OfferHalf(Session& session, const Convolution& conv) {
    return ConvPlan::Get(session, conv);
  }
  static std::shared_ptr<HalfPlan> MakeHalf(Session& session, const Convolution& conv) {
    auto half = ConvPlan::Get(session, conv);
    half->Tune(LimitsFromEnvironment());
    return half;
  }
};

}  // namespace
}  // namespace assay::cudnn

extern "C" const assay_pack* assay_pack_entry(void) {
  static const assay_pack pack = assay::cudnn::PackTable<assay::cudnn::Cudnn>::Make();
  return &pack;
}
