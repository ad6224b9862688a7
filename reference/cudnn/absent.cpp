// The cuDNN pack of a build that could not have cuDNN: the same table and variant, so that a sweep which
// names the baseline gets a row that says why there is nothing. ASSAY_CUDNN_ABSENT_REASON comes from
// CMakeLists.txt.
#include <cstdint>
#include <cstdio>

#include "kernels/pack.h"
#include "reference/cudnn/promise.h"

namespace {

constexpr const char* kReason = ASSAY_CUDNN_ABSENT_REASON;
#ifdef ASSAY_ABSENT_NAME  // another baseline that needs the same
constexpr const char* kName = ASSAY_ABSENT_NAME;
constexpr const char* kSummary = ASSAY_ABSENT_SUMMARY;
constexpr const char* kTf32Name = ASSAY_ABSENT_NAME "_tf32";
constexpr const char* kTf32Summary = ASSAY_ABSENT_SUMMARY ", also in TF32";
#else
constexpr const char* kName = "cudnn";
constexpr const char* kSummary = assay::cudnn::kSummary;
constexpr const char* kTf32Name = "cudnn_tf32";
constexpr const char* kTf32Summary = assay::cudnn::kTf32Summary;
#endif

void Say(assay_message* message) {
  if (message != nullptr) std::snprintf(message->text, sizeof(message->text), "unavailable: %s", kReason);
}

std::int32_t Supports(const assay_problem*, const assay_device_info*, assay_message* why) {
  Say(why);
  return 1;
}

std::int32_t Create(const assay_problem*, const assay_device_info*, void** plan, assay_message* error) {
  *plan = nullptr;
  Say(error);
  return 1;
}

std::int32_t Launch(void*, const assay_buffers*, void*, assay_message* error) {
  Say(error);
  return 1;
}

void Release(void*) {}

assay_variant Row(const char* name, const char* summary, assay_promise (*promise)(assay_dtype)) {
  assay_variant variant = {};
  variant.op = "dsconv";
  variant.name = name;
  variant.summary = summary;
  variant.role = ASSAY_ROLE_BASELINE;
  variant.promise = promise;
  variant.supports = Supports;
  variant.create = Create;
  variant.launch = Launch;
  variant.release = Release;
  return variant;
}

assay_pack MakePack() {
  static const assay_variant variants[] = {Row(kName, kSummary, assay::cudnn::Promise),
                                           Row(kTf32Name, kTf32Summary, assay::cudnn::Tf32Promise)};
  assay_pack pack = {};
  pack.abi = ASSAY_PACK_ABI;
  pack.name = kName;
  pack.backend = ASSAY_BACKEND_CUDA;
  pack.unavailable = kReason;
  pack.variants = variants;
  pack.num_variants = 2;
  return pack;
}

}  // namespace

extern "C" const assay_pack* assay_pack_entry(void) {
  static const assay_pack pack = MakePack();
  return &pack;
}
