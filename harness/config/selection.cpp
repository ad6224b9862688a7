#include "harness/config/selection.h"

#include <algorithm>

#include "harness/record/graph_name.h"
#include "reference/dtype.h"

namespace assay {

std::vector<assay_dtype> AllDTypes() { return {ASSAY_F32, ASSAY_F16, ASSAY_BF16}; }
std::vector<assay_layout> AllLayouts() { return {ASSAY_NCHW, ASSAY_NHWC}; }

std::vector<std::string> DTypeNames() {
  std::vector<std::string> names;
  for (const assay_dtype dtype : AllDTypes()) names.emplace_back(DTypeName(dtype));
  return names;
}

std::vector<std::string> LayoutNames() {
  std::vector<std::string> names;
  for (const assay_layout layout : AllLayouts()) names.emplace_back(LayoutName(layout));
  return names;
}

std::vector<std::string> VariantNames(const Catalog& catalog, std::string_view op, bool baseline) {
  std::vector<std::string> names;
  for (const Catalog::Entry& entry : catalog.entries) {
    // Two packs may offer a variant of one name (CUDA and host): one name all the same.
    if (entry.op == op && entry.baseline == baseline &&
        std::find(names.begin(), names.end(), entry.variant) == names.end()) {
      names.push_back(entry.variant);
    }
  }
  return names;
}

std::vector<VariantChoice> ChooseVariants(const Catalog& catalog, std::string_view op,
                                          const std::optional<std::vector<std::string>>& kernels,
                                          const std::optional<std::vector<std::string>>& baselines) {
  const auto chosen = [](const std::optional<std::vector<std::string>>& list, const std::string& name) {
    return !list || std::find(list->begin(), list->end(), name) != list->end();
  };
  std::vector<VariantChoice> choices;
  const auto choose = [&](const std::optional<std::vector<std::string>>& list, bool baseline) {
    for (const std::string& name : VariantNames(catalog, op, baseline)) {
      const bool named = list.has_value();
      if (chosen(list, name)) choices.push_back({name, named && !baseline, baseline});
      if (named && chosen(list, GraphName(name))) choices.push_back({GraphName(name), !baseline, baseline});
    }
  };
  choose(kernels, false);
  choose(baselines, true);
  return choices;
}

std::int64_t CaseCollector::CasesPerProblem() const {
  return static_cast<std::int64_t>(selection_.dtypes.size() * selection_.layouts.size() *
                                   selection_.variants.size());
}

void CaseCollector::ForEach(const Problem& problem, const std::string& label,
                            const std::function<void(std::size_t, const Case&)>& visit) const {
  Case c;
  c.problem = problem;
  c.label = label;
  std::size_t index = 0;
  for (const assay_dtype dtype : selection_.dtypes) {
    for (const assay_layout layout : selection_.layouts) {
      for (const VariantChoice& variant : selection_.variants) {
        c.dtype = dtype;
        c.layout = layout;
        c.variant = variant.name;
        c.named = variant.named;
        c.baseline = variant.baseline;
        visit(index++, c);
      }
    }
  }
}

std::size_t CaseCollector::Add(const Problem& problem, const std::string& label,
                               const std::function<bool(const Case&)>& keep) {
  std::vector<bool> kept(static_cast<std::size_t>(CasesPerProblem()), false);
  std::size_t count = 0;
  ForEach(problem, label, [&](std::size_t index, const Case& c) {
    kept[index] = keep(c);
    count += kept[index] ? 1 : 0;
  });
  if (count == 0) return 0;
  const auto [it, first] = by_id_.try_emplace(problem.op->ProblemId(problem), taken_.size());
  if (first) {
    taken_.push_back({problem, label, std::move(kept)});
    return count;
  }
  Taken& taken = taken_[it->second];
  if (taken.label.empty()) taken.label = label;
  for (std::size_t i = 0; i < kept.size(); ++i) taken.kept[i] = taken.kept[i] || kept[i];
  return count;
}

std::vector<Case> CaseCollector::Cases() const {
  std::vector<Case> cases;
  for (const Taken& taken : taken_) {
    ForEach(taken.problem, taken.label, [&](std::size_t index, const Case& c) {
      if (taken.kept[index]) cases.push_back(c);
    });
  }
  return cases;
}

}  // namespace assay
