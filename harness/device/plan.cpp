#include <fmt/format.h>

#include "harness/device/pack_loader.h"

namespace assay {
namespace {

// A variant may forget the terminator or say nothing at all.
[[noreturn]] void Throw(const assay_variant& variant, const char* what, std::int32_t code,
                        assay_message& message) {
  message.text[sizeof(message.text) - 1] = '\0';
  const std::string said =
      message.text[0] != '\0' ? message.text : fmt::format("it returned {} and said no reason", code);
  throw VariantError(fmt::format("{} of {} failed: {}", what, variant.name, said));
}

}  // namespace

VariantInfo::VariantInfo(const assay_variant& row)
    : op(row.op),
      name(row.name),
      summary(row.summary),
      role(row.role),
      configurable(row.configurations != nullptr) {
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) promises[dtype] = row.promise(dtype);
}

LocalPlan::LocalPlan(const assay_variant& variant, const assay_problem& problem,
                     const assay_device_info& device, const std::string& configuration)
    : variant_(&variant) {
  assay_message error = {};
  std::int32_t code = 0;
  if (configuration.empty()) {
    code = variant.create(&problem, &device, &plan_, &error);
  } else if (variant.create_configured != nullptr) {
    code = variant.create_configured(&problem, &device, configuration.c_str(), &plan_, &error);
  } else {
    throw VariantError(
        fmt::format("{} offers no configurations, so {} is none of them", variant.name, configuration));
  }
  if (code != 0) Throw(variant, "create", code, error);
}

LocalPlan::~LocalPlan() { variant_->release(plan_); }

std::uint64_t LocalPlan::WorkspaceBytes() const {
  return variant_->workspace_bytes != nullptr ? variant_->workspace_bytes(plan_) : 0;
}

void LocalPlan::Prepare(const assay_buffers& buffers, void* stream) {
  if (variant_->prepare == nullptr) return;
  assay_message error = {};
  const std::int32_t code = variant_->prepare(plan_, &buffers, stream, &error);
  if (code != 0) Throw(*variant_, "prepare", code, error);
}

void LocalPlan::Launch(const assay_buffers& buffers, void* stream) {
  assay_message error = {};
  const std::int32_t code = variant_->launch(plan_, &buffers, stream, &error);
  if (code != 0) Throw(*variant_, "launch", code, error);
}

std::string LocalPlan::Describe() const {
  const char* text = variant_->describe != nullptr ? variant_->describe(plan_) : nullptr;
  return text != nullptr ? text : "";
}

}  // namespace assay
