#include "harness/tune/candidates.h"

#include <algorithm>

#include "harness/record/graph_name.h"
#include "kernels/promise.h"
#include "reference/dtype.h"

namespace assay {
namespace {

TuneKey KeyOf(const Case& c) {
  return {std::string(c.problem.op->name()), c.problem.op->ProblemId(c.problem),
          std::string(DTypeName(c.dtype)), std::string(LayoutName(c.layout))};
}

class Lister {
 public:
  Lister(Executor& executor, const PackSet& packs, const TuneGroup& group, const TunedTable& table,
         const std::string& picker)
      : executor_(executor), packs_(packs), group_(group), table_(table), picker_(picker) {}

  void Add(const Case& c, Candidates& to) const {
    const VariantLookup found = Find(c.variant);
    const bool is_picker = !picker_.empty() && c.variant == picker_;
    // A graph of it would be the same kernels once more.
    if (found.variant == nullptr || c.baseline || IsGraphName(c.variant)) return;
    if (!is_picker && (!found.variant->configurable || !MayBePicked(c, *found.variant))) return;
    const assay_problem view = c.problem.View(c.dtype, c.layout);
    if (!executor_.WhyNot(found.id, view).empty()) return;
    std::vector<Configuration> configurations = {{"", 0}};
    if (!is_picker) configurations = executor_.Configurations(found.id, view);
    for (const Configuration& configuration : configurations) {
      Trial& trial = to.trials.emplace_back();
      trial.variant = c.variant;
      trial.configuration = configuration.text;
      trial.cost = configuration.cost;
      trial.own_choice = &configuration == configurations.data();
      trial.incumbent = IsIncumbent(trial);
      to.contenders.push_back({found.id, found.variant, configuration.text});
    }
  }

 private:
  VariantLookup Find(const std::string& variant) const {
    return packs_.Find(group_.key.op, variant, executor_.device().info().backend);
  }

  bool MayBePicked(const Case& c, const VariantInfo& variant) const {
    if (picker_.empty()) return true;
    const VariantLookup picker = Find(picker_);
    return picker.variant != nullptr && Covers(picker.variant->promise(c.dtype), variant.promise(c.dtype));
  }

  bool IsIncumbent(const Trial& trial) const {
    const std::string gpu = executor_.device().description();
    return std::ranges::any_of(table_.rows, [&](const TunedRow& row) {
      return row.gpu == gpu && row.key == group_.key && row.variant == trial.variant &&
             row.configuration == trial.configuration;
    });
  }

  Executor& executor_;
  const PackSet& packs_;
  const TuneGroup& group_;
  const TunedTable& table_;
  const std::string& picker_;
};

}  // namespace

std::vector<TuneGroup> GroupsOf(const Sweep& sweep) {
  std::vector<TuneGroup> groups;
  for (const Case& c : sweep.cases) {
    TuneKey key = KeyOf(c);
    if (groups.empty() || groups.back().key != key) groups.push_back({std::move(key), {}});
    groups.back().cases.push_back(&c);
  }
  return groups;
}

Candidates ListCandidates(Executor& executor, const PackSet& packs, const TuneGroup& group,
                          const LimitSettings& limits, const TunedTable& table, const std::string& picker) {
  const Lister lister(executor, packs, group, table, picker);
  Candidates candidates;
  for (const Case* c : group.cases) {
    const auto fail = [&](const std::exception& error) {
      Trial& trial = candidates.failed.emplace_back();
      trial.variant = c->variant;
      trial.why = error.what();
    };
    try {
      executor.BeginCase(c->Id(), limits.seconds);
      lister.Add(*c, candidates);
    } catch (const DeviceError& error) {
      fail(error);
      if (error.sticky) executor.Restart();
    } catch (const std::exception& error) {
      fail(error);
    }
  }
  return candidates;
}

}  // namespace assay
