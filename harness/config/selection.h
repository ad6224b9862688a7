// Which dtypes, layouts and variants a sweep takes, and the list of cases that comes of it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "harness/config/case.h"

namespace assay {

struct VariantChoice {
  std::string name;
  bool named = false;
  bool baseline = false;
};

struct Selection {
  std::vector<assay_dtype> dtypes;
  std::vector<assay_layout> layouts;
  std::vector<VariantChoice> variants;  // kernels in catalog order, then baselines
};

std::vector<assay_dtype> AllDTypes();
std::vector<assay_layout> AllLayouts();
std::vector<std::string> DTypeNames();
std::vector<std::string> LayoutNames();
// The catalog's variants of an operator, in its order.
std::vector<std::string> VariantNames(const Catalog& catalog, std::string_view op, bool baseline);

// Names that the catalog has, or such with "+graph" behind them; without a list, all of the former. The
// result is in catalog order, baselines last.
std::vector<VariantChoice> ChooseVariants(const Catalog& catalog, std::string_view op,
                                          const std::optional<std::vector<std::string>>& kernels,
                                          const std::optional<std::vector<std::string>>& baselines);

// Crosses problems with a selection. A problem that comes twice is one problem, with its first label that is
// not empty.
class CaseCollector {
 public:
  explicit CaseCollector(Selection selection) : selection_(std::move(selection)) {}

  const Selection& selection() const { return selection_; }
  std::int64_t CasesPerProblem() const;

  // Takes the cases of the problem that `keep` holds for; returns how many those are.
  std::size_t Add(const Problem& problem, const std::string& label,
                  const std::function<bool(const Case&)>& keep);

  // By problem in the order of arrival, dtype, layout, variant.
  std::vector<Case> Cases() const;

 private:
  struct Taken {
    Problem problem;
    std::string label;
    std::vector<bool> kept;  // by dtype, layout, variant
  };
  // Visits the problem's cases in order; `visit` gets the place in Taken::kept and the case.
  void ForEach(const Problem& problem, const std::string& label,
               const std::function<void(std::size_t, const Case&)>& visit) const;

  Selection selection_;
  std::vector<Taken> taken_;
  std::unordered_map<std::string, std::size_t> by_id_;
};

}  // namespace assay
