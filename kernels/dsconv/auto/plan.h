// The plan of whichever variant is picked for a problem: what stands behind `auto`, and behind what hands a
// problem on in another form.
#pragma once

#include <algorithm>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/dsconv/auto/model.h"
#include "kernels/dsconv/auto/table.h"
#include "kernels/promise.h"

#define ASSAY_DSCONV_VARIANT(name) \
  namespace assay::dsconv::name {  \
  assay_variant Row();             \
  }
#include "dsconv_variants.inc"
#undef ASSAY_DSCONV_VARIANT

namespace assay::dsconv::automatic {

inline const std::vector<assay_variant>& AllVariants() {
  static const std::vector<assay_variant> variants = {
#define ASSAY_DSCONV_VARIANT(name) dsconv::name::Row(),
#include "dsconv_variants.inc"
#undef ASSAY_DSCONV_VARIANT
  };
  return variants;
}

inline const std::vector<TableRow>& AllRows() {
  static const std::vector<TableRow> rows = [] {
    constexpr const char* kLines[] = {
#include "dsconv_tuned.inc"
        nullptr};
    std::vector<TableRow> parsed;
    for (const char* const* line = kLines; *line != nullptr; ++line) {
      if (const auto row = ParseRow(*line)) parsed.push_back(*row);
    }
    return parsed;
  }();
  return rows;
}

// Those that keep the promise and take the problem.
inline std::vector<const assay_variant*> Takers(const assay_promise& promise, const assay_problem& problem,
                                                const assay_device_info& device, assay_message* why) {
  std::vector<const assay_variant*> takers;
  for (const assay_variant& variant : AllVariants()) {
    if (!Covers(promise, variant.promise(problem.dtype))) continue;
    if (variant.supports(&problem, &device, why) == 0) takers.push_back(&variant);
  }
  return takers;
}

inline void AddOffers(const assay_variant& variant, const assay_problem& problem,
                      const assay_device_info& device, Offers& offers) {
  constexpr std::int32_t kMost = 512;
  if (variant.configurations == nullptr) {
    offers.push_back({variant.name, "", 0});
    return;
  }
  std::vector<assay_configuration> list(kMost);
  const std::int32_t count = std::min(variant.configurations(&problem, &device, list.data(), kMost), kMost);
  for (std::int32_t i = 0; i < count; ++i) offers.push_back({variant.name, list[i].text, list[i].cost});
}

inline Offers OffersFor(const assay_promise& promise, const assay_problem& problem,
                        const assay_device_info& device) {
  Offers offers;
  assay_message why{};
  for (const assay_variant* variant : Takers(promise, problem, device, &why))
    AddOffers(*variant, problem, device, offers);
  return offers;
}

inline std::vector<Pick> RankAll(const assay_promise& promise, const assay_problem& problem,
                                 const assay_device_info& device) {
  const Sizes sizes = SizesOf(problem);
  const Offers offers = OffersFor(promise, problem, device);
  // What a row's variant offers for the row's problem: of others nothing is asked there.
  std::map<std::pair<std::string_view, std::string_view>, Offers> elsewhere;
  const OffersAt offers_at = [&](const TableRow& row) -> const Offers& {
    const auto [found, is_new] = elsewhere.try_emplace({row.problem, row.variant});
    if (!is_new) return found->second;
    assay_device_info there = device;
    there.num_sms = row.sms;
    const SizesView view(row.sizes, problem.dtype, problem.layout);
    assay_message why{};
    for (const assay_variant& variant : AllVariants()) {
      if (variant.name == row.variant && variant.supports(&view.View(), &there, &why) == 0)
        AddOffers(variant, view.View(), there, found->second);
    }
    return found->second;
  };
  std::vector<Pick> picks = RankPicks(
      sizes, problem.layout, RowsFor(AllRows(), device, problem.dtype, problem.layout), offers, offers_at);
  // What cannot be made after all leaves the next one, and in the end anything that runs.
  for (Pick& pick : RankByRule(offers, problem.layout)) picks.push_back(std::move(pick));
  return picks;
}

inline std::string Basis(const Pick& pick) {
  char us[32];
  std::snprintf(us, sizeof us, "%.4g", pick.us);
  if (pick.by == Pick::By::kTable) return "by the table, " + std::string(us) + " us there";
  if (pick.by == Pick::By::kModel)
    return "by the model, " + std::string(us) + " us predicted, nearest " + std::string(pick.nearest);
  if (pick.by == Pick::By::kOwnModel)
    return "by its own model, " + std::string(us) + " us: the table has nothing of it";
  return "by rule: the table has nothing like it";
}

// The plan of what was picked.
class Plan {
 public:
  // Throws std::runtime_error with the last reason if none can be made.
  Plan(const assay_promise& promise, const assay_problem& problem, const assay_device_info& device) {
    assay_message error{};
    for (const Pick& pick : RankAll(promise, problem, device)) {
      if (!TryToMake(pick, problem, device, &error)) continue;
      const char* said = variant_->describe != nullptr ? variant_->describe(plan_) : nullptr;
      description_ = pick.variant + (pick.configuration.empty() ? "" : " " + pick.configuration) + ", " +
                     Basis(pick) + (said != nullptr && *said != '\0' ? ": " + std::string(said) : "");
      return;
    }
    throw std::runtime_error("none of the others could be made for it: " + std::string(error.text));
  }
  ~Plan() { variant_->release(plan_); }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  const std::string& description() const { return description_; }

  std::uint64_t workspace_bytes() const {
    return variant_->workspace_bytes != nullptr ? variant_->workspace_bytes(plan_) : 0;
  }
  std::int32_t Prepare(const assay_buffers* buffers, void* stream, assay_message* error) const {
    return variant_->prepare != nullptr ? variant_->prepare(plan_, buffers, stream, error) : 0;
  }
  std::int32_t Launch(const assay_buffers* buffers, void* stream, assay_message* error) const {
    return variant_->launch(plan_, buffers, stream, error);
  }

 private:
  bool TryToMake(const Pick& pick, const assay_problem& problem, const assay_device_info& device,
                 assay_message* error) {
    for (const assay_variant& variant : AllVariants()) {
      if (pick.variant != variant.name) continue;
      const std::int32_t code =
          pick.configuration.empty()
              ? variant.create(&problem, &device, &plan_, error)
              : variant.create_configured(&problem, &device, pick.configuration.c_str(), &plan_, error);
      if (code == 0) variant_ = &variant;
      return code == 0;
    }
    return false;
  }

  const assay_variant* variant_ = nullptr;
  void* plan_ = nullptr;
  std::string description_;
};

}  // namespace assay::dsconv::automatic
