// Which variant and configuration `auto` takes: what the table has for the problem, or what a model makes of
// the tuned problems that are nearest to it. docs/kernels/auto.md says it in words and how good it is.
//
//   predicted time = A(problem) x weighted geometric mean over the nearest tuned problems of
//                    (time there / A(there))
//
// A is what the variant's own model says that the configuration costs, where it says that (tile waste, waves
// over the multiprocessors), and else the larger of a floor by bytes and one by products, and the launch.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/dsconv/auto/sizes.h"
#include "kernels/dsconv/auto/table.h"

namespace assay::dsconv::automatic {

// What a variant offers for a problem; of each variant its own choice stands first.
struct Offer {
  std::string variant, configuration;  // a variant without configurations offers itself: ""
  double cost = 0;                     // by its own model; 0: it says none
};
using Offers = std::vector<Offer>;
// What the row's variant offers for the row's problem, on the GPU that it was tuned on; others' offers may
// stand beside.
using OffersAt = std::function<const Offers&(const TableRow&)>;

struct Pick {
  enum class By { kTable, kModel, kOwnModel, kRule };
  std::string variant, configuration;
  By by = By::kRule;
  double us = 0;  // measured (kTable), predicted (kModel), or its variant's own model's; 0: unknown
  std::string_view nearest;  // kModel: id of the tuned problem that counts most
};

// So many tuned problems have a say for each variant, by their nearness.
inline constexpr std::size_t kNeighbours = 5;
// What was tried there and is not in the table was slower than the variant's best by so much at least.
inline constexpr double kNotKept = 1.05;
// Distances below this make no difference.
inline constexpr double kNear = 0.1;
// What a variant is predicted to take grows by this share with each unit of distance to its nearest tuned
// problem: where the table is sparse, what is known from near by is to be preferred.
inline constexpr double kFar = 0.02;

// What was not tried for a tuned problem counts as predicted where its nearest tuned problem is nearer than
// this: a few halves and doubles. Predictions from further away are not held against what was measured.
inline constexpr double kSimilar = 2.5;
// A prediction stands before what was measured only where it is less by more than predictions err.
inline constexpr double kPredictedOverMeasured = 0.95;

// Microseconds on an H100, roughly: it is only their ratio between two problems that counts.
inline double Floor(const Sizes& d, assay_dtype dtype) {
  constexpr double kLaunch = 2.5, kBytesPerUs = 3e6, kFlopsPerUs16 = 6e8, kFlopsPerUs32 = 1.2e8;
  const double outputs = static_cast<double>(d.n) * static_cast<double>(d.p) * static_cast<double>(d.q);
  const double inputs = static_cast<double>(d.n) * static_cast<double>(d.h) * static_cast<double>(d.w);
  const auto c = static_cast<double>(d.c), k = static_cast<double>(d.k);
  const double elements = inputs * c + outputs * k + c * k + c * static_cast<double>(d.r * d.s);
  const double bytes = elements * (dtype == ASSAY_F32 ? 4 : 2);
  const double flops = 2 * outputs * c * k;
  return kLaunch +
         std::max(bytes / kBytesPerUs, flops / (dtype == ASSAY_F32 ? kFlopsPerUs32 : kFlopsPerUs16));
}

// How unlike two problems are in what decides about tiles: twice as many channels, pixels, columns or taps
// count 1 or somewhat less, and so does another way of loading (vectors need multiples of 8 channels, or of 4
// columns in NCHW) or of activating.
inline double Distance(const Sizes& a, const Sizes& b, assay_layout layout) {
  double sum = 0;
  const auto add = [&](double difference, double weight) { sum += weight * difference * difference; };
  const auto ratio = [](std::int64_t x, std::int64_t y) {
    return std::log2(static_cast<double>(x) / static_cast<double>(y));
  };
  add(ratio(a.c, b.c), 1);
  add(ratio(a.k, b.k), 1);
  add(ratio(a.n * a.p * a.q, b.n * b.p * b.q), 0.5);
  add(ratio(a.p, b.p), 0.5);
  add(ratio(a.q, b.q), 0.5);
  add(ratio(a.r * a.s, b.r * b.s), 1);
  add(ratio(a.stride_h * a.stride_w, b.stride_h * b.stride_w), 0.5);
  add(ratio(a.dilation_h * a.dilation_w, b.dilation_h * b.dilation_w), 0.25);
  const auto differ = [&](bool x, bool y, double weight) { add(x != y ? 1 : 0, weight); };
  if (layout == ASSAY_NHWC) {
    differ(a.c % 8 == 0, b.c % 8 == 0, 2);
  } else {
    differ(a.w % 8 == 0, b.w % 8 == 0, 1);
    differ(a.w % 4 == 0, b.w % 4 == 0, 1);
  }
  differ(a.k % 8 == 0, b.k % 8 == 0, 0.5);
  const auto clamps = [](const Sizes& d) { return d.act_mid <= 2 && d.act_out <= 2; };  // none, relu, relu6
  differ(clamps(a), clamps(b), 0.5);
  differ(a.act_mid != 0, b.act_mid != 0, 0.02);
  return std::sqrt(sum);
}

inline const Offer* FindOffer(const Offers& offers, std::string_view variant,
                              std::string_view configuration) {
  for (const Offer& offer : offers) {
    if (offer.variant == variant && offer.configuration == configuration) return &offer;
  }
  return nullptr;
}

// A tuned problem, and what is known of one variant there.
struct Neighbour {
  double distance = 0;
  std::vector<const TableRow*> rows;  // of the variant, the fastest first
  double weight() const { return 1 / (distance * distance + kNear * kNear); }
};

// The tuned problems that have rows of the variant, the nearest first, and no more than kNeighbours.
inline std::vector<Neighbour> NeighboursOf(const Sizes& problem, assay_layout layout,
                                           std::string_view variant, const std::vector<TableRow>& rows) {
  std::map<std::string_view, Neighbour> by_problem;
  for (const TableRow& row : rows) {
    if (row.variant != variant) continue;
    Neighbour& neighbour = by_problem[row.problem];
    neighbour.distance = Distance(problem, row.sizes, layout);
    neighbour.rows.push_back(&row);
  }
  std::vector<Neighbour> neighbours;
  for (auto& [id, neighbour] : by_problem) {
    std::stable_sort(neighbour.rows.begin(), neighbour.rows.end(),
                     [](const TableRow* a, const TableRow* b) { return a->us < b->us; });
    neighbours.push_back(std::move(neighbour));
  }
  std::stable_sort(neighbours.begin(), neighbours.end(),
                   [](const Neighbour& a, const Neighbour& b) { return a.distance < b.distance; });
  if (neighbours.size() > kNeighbours) neighbours.resize(kNeighbours);
  return neighbours;
}

// Time over A at one neighbour, where `offer` is for the problem itself.
inline double RatioAt(const Neighbour& neighbour, const Offer& offer, const Offers& there) {
  const TableRow& best = *neighbour.rows.front();
  const TableRow* own = nullptr;
  for (const TableRow* row : neighbour.rows) {
    if (row->configuration == offer.configuration) own = row;
  }
  const Offer* const offered = FindOffer(there, best.variant, offer.configuration);
  const Offer* const best_offered = FindOffer(there, best.variant, best.configuration);
  if (offer.cost <= 0 || best_offered == nullptr || best_offered->cost <= 0) {
    return (own != nullptr ? own->us : kNotKept * best.us) / Floor(best.sizes, best.dtype);
  }
  const double of_best = best.us / best_offered->cost;
  if (offered == nullptr || offered->cost <= 0) return kNotKept * of_best;
  if (own != nullptr) return own->us / offered->cost;
  // It was slower than the best by kNotKept at least, and by what its own model says if that is more.
  return std::max(kNotKept * best.us / offered->cost, of_best);
}

// Whether every neighbour can be held against the variant's own model, and not only some.
inline bool HasCosts(const Offer& offer, const std::vector<Neighbour>& neighbours,
                     const OffersAt& offers_at) {
  return offer.cost > 0 && std::all_of(neighbours.begin(), neighbours.end(), [&](const Neighbour& neighbour) {
           const TableRow& best = *neighbour.rows.front();
           const Offer* const there = FindOffer(offers_at(best), best.variant, best.configuration);
           return there != nullptr && there->cost > 0;
         });
}

inline double Predict(const Sizes& problem, const Offer& given, const std::vector<Neighbour>& neighbours,
                      const OffersAt& offers_at) {
  Offer offer = given;
  if (!HasCosts(offer, neighbours, offers_at)) offer.cost = 0;
  double sum = 0, weights = 0;
  for (const Neighbour& neighbour : neighbours) {
    const double weight = neighbour.weight();
    sum += weight * std::log(RatioAt(neighbour, offer, offers_at(*neighbour.rows.front())));
    weights += weight;
  }
  const double a = offer.cost > 0 ? offer.cost : Floor(problem, neighbours.front().rows.front()->dtype);
  return a * std::exp(sum / weights + kFar * neighbours.front().distance);
}

// Whether any neighbour has a row of that configuration.
inline bool IsKnown(const Offer& offer, const std::vector<Neighbour>& neighbours) {
  return std::any_of(neighbours.begin(), neighbours.end(), [&](const Neighbour& neighbour) {
    return std::any_of(neighbour.rows.begin(), neighbour.rows.end(),
                       [&](const TableRow* row) { return row->configuration == offer.configuration; });
  });
}

// What a kernel takes over what its own model says. The models of `tf32` and `tf32x3` leave memory out, that
// of `mma` what NCHW costs, that of `tiled` launches that are small: of 41 problems that no table holds, in
// batches of 1 to 64 on an H200, own choices took 3.3, 3.6 and 1.4 times as long (geometric means), of one
// image 2.7 to 3.7 in TF32. In NHWC `mma` took 1.1 to 1.3 times, `hopper` 1.0 to 1.25, the less the larger
// the batch. The others' models are fitted to times.
inline double OverOwnModel(std::string_view variant, assay_layout layout) {
  if (variant == "mma") return layout == ASSAY_NHWC ? 1.2 : 3.6;
  if (variant == "tf32") return 4;
  if (variant == "tf32x3") return 3.2;
  if (variant == "tiled") return 1.4;
  return variant == "hopper" ? 1.05 : 1;
}

// Of what is offered for the problem, the best first: what the table has for it, in the order of its times;
// then what the model predicts, of configurations that the neighbours know and of own choices. A variant of
// which the table has no rows at all is younger than the table: its own choice counts as what its own model
// says, where it says that. One that has rows of similar problems, but none of this one, was not tried here:
// it counts as predicted. Either comes first of all where that is clearly less than what stands there. Empty
// where the table has no rows of anything that is offered. `rows` are those of RowsFor.
inline std::vector<Pick> RankPicks(const Sizes& problem, assay_layout layout,
                                   const std::vector<TableRow>& rows, const Offers& offers,
                                   const OffersAt& offers_at) {
  std::vector<Pick> table, model, untried;
  std::set<std::string_view> tried;
  for (const TableRow& row : rows) {
    if (row.sizes == problem) tried.insert(row.variant);
    if (row.sizes == problem && FindOffer(offers, row.variant, row.configuration) != nullptr)
      table.push_back(
          {std::string(row.variant), std::string(row.configuration), Pick::By::kTable, row.us, {}});
  }
  std::string_view variant;
  std::vector<Neighbour> neighbours;
  for (const Offer& offer : offers) {
    const bool own_choice = offer.variant != variant;
    if (own_choice) {
      variant = offer.variant;
      neighbours = NeighboursOf(problem, layout, variant, rows);
      if (neighbours.empty() && offer.cost > 0)
        untried.push_back({offer.variant,
                           offer.configuration,
                           Pick::By::kOwnModel,
                           offer.cost * OverOwnModel(offer.variant, layout),
                           {}});
    }
    if (neighbours.empty() || (!own_choice && !IsKnown(offer, neighbours))) continue;
    model.push_back({offer.variant, offer.configuration, Pick::By::kModel,
                     Predict(problem, offer, neighbours, offers_at),
                     neighbours.front().rows.front()->problem});
    if (!tried.contains(variant) && neighbours.front().distance < kSimilar) untried.push_back(model.back());
  }
  const auto faster = [](const Pick& a, const Pick& b) { return a.us < b.us; };
  std::stable_sort(table.begin(), table.end(), faster);
  std::stable_sort(model.begin(), model.end(), faster);
  table.insert(table.end(), model.begin(), model.end());
  if (table.empty()) return table;
  const bool measured = table.front().by == Pick::By::kTable;
  const double limit = table.front().us * (measured ? kPredictedOverMeasured : 1);
  std::stable_sort(untried.begin(), untried.end(), faster);
  const auto end =
      std::find_if(untried.begin(), untried.end(), [&](const Pick& pick) { return pick.us >= limit; });
  table.insert(table.begin(), untried.begin(), end);
  return table;
}

// Where the table says nothing: own choices, kernels on matrix units first. Of those, the ones that say what
// they cost come first, the cheapest at the front, with what their models leave out; the others, and other
// kernels, in the order in which they are fast as a rule. What is not named here comes last, as it is listed.
inline std::vector<Pick> RankByRule(const Offers& offers, assay_layout layout) {
  constexpr std::string_view kOrder[] = {"hopper",
                                         "hopper_sparse",
                                         "hopper_strips",
                                         "hopper_rows",
                                         "hopper_keep",
                                         "hopper_wide",
                                         "hopper_phases",
                                         "hopper_l2",
                                         "hopper_dilated",
                                         "hopper_group",
                                         "via_nhwc",
                                         "via_nhwc_tf32",
                                         "mma",
                                         "hopper_small",
                                         "few",
                                         "hopper_tf32",
                                         "hopper_phases_tf32",
                                         "hopper_planes_tf32",
                                         "hopper_l2_tf32",
                                         "hopper_dilated_tf32",
                                         "few_tf32",
                                         "few_tf32x3",
                                         "tf32",
                                         "hopper_tf32x3",
                                         "hopper_dilated_tf32x3",
                                         "tf32x3",
                                         "hopper_ffma",
                                         "tiled",
                                         "warp_shuffle",
                                         "naive"};
  const auto place = [&](std::string_view variant) {
    return std::find(std::begin(kOrder), std::end(kOrder), variant) - std::begin(kOrder);
  };
  const auto on_matrix_units = place("hopper_ffma");  // the first that is not
  std::vector<Pick> picks;
  for (const Offer& offer : offers) {
    if (picks.empty() || picks.back().variant != offer.variant)
      picks.push_back({offer.variant,
                       offer.configuration,
                       Pick::By::kRule,
                       offer.cost * OverOwnModel(offer.variant, layout),
                       {}});
  }
  const auto known = [&](const Pick& pick) { return place(pick.variant) < on_matrix_units && pick.us > 0; };
  std::stable_sort(picks.begin(), picks.end(), [&](const Pick& a, const Pick& b) {
    if (known(a) != known(b)) return known(a);
    return known(a) ? a.us < b.us : place(a.variant) < place(b.variant);
  });
  return picks;
}

}  // namespace assay::dsconv::automatic
