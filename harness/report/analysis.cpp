#include "harness/report/analysis.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>

#include "fmt/core.h"
#include "harness/record/graph_name.h"

namespace assay {
namespace {

// Beyond these a time is still shown, but with a word of doubt.
constexpr double kFloorShareBelieved = 1.05;
constexpr double kIntervalBelieved = 0.05;

using ProblemKey = std::tuple<std::string, std::string, std::string, std::string, std::string>;
using GroupKey = std::tuple<std::string, std::string, std::string, std::string>;

ProblemKey KeyOf(const Record& record) {
  return {record.op, record.problem, record.dtype, record.layout, record.device};
}

bool IsTime(double seconds) { return std::isfinite(seconds) && seconds > 0; }

bool HasUsableTimes(const Timing& timing) {
  return IsTime(timing.median) && !timing.samples.empty() &&
         std::all_of(timing.samples.begin(), timing.samples.end(), IsTime);
}

void AddWarning(std::string& warning, const std::string& text) {
  if (!warning.empty()) warning += "; ";
  warning += text;
}

std::string WarningFor(const Timing& timing, const CaseFigures& figures) {
  std::string warning;
  constexpr std::string_view kAgrees = "agrees";
  std::string_view clocks = timing.clock_agreement;
  if (clocks.starts_with(kAgrees)) clocks.remove_prefix(kAgrees.size());
  if (clocks.starts_with("; ")) clocks.remove_prefix(2);  // "agrees; throttled: ..."
  if (!clocks.empty())
    AddWarning(warning, clocks.starts_with("disagrees") ? fmt::format("the second clock {}", clocks)
                                                        : std::string(clocks));
  const double half_width = 0.5 * (timing.high - timing.low) / timing.median;
  if (half_width > kIntervalBelieved) {
    AddWarning(warning, fmt::format("the median is only known to ±{:.0f} %", 100 * half_width));
  }
  if (figures.floor_share > kFloorShareBelieved) {
    AddWarning(
        warning,
        fmt::format(
            "{:.0f} % of what the measured ceilings allow: data that stayed in the cache, a clock or a "
            "ceiling that is off",
            100 * figures.floor_share));
  }
  if (timing.dropped_throttled > static_cast<int>(timing.samples.size())) {
    AddWarning(warning, fmt::format("more samples were dropped as throttled ({}) than kept ({})",
                                    timing.dropped_throttled, timing.samples.size()));
  }
  return warning;
}

CaseFigures FiguresOf(const Record& record) {
  CaseFigures figures;
  if (record.verdict != Verdict::kRight || !record.timing) return figures;
  const Timing& timing = *record.timing;
  if (!HasUsableTimes(timing)) {
    figures.warning = "the timing in the journal holds no usable samples, so no time is shown";
    return figures;
  }
  figures.timed = true;
  figures.median = timing.median;
  figures.low = timing.low;
  figures.high = timing.high;
  figures.bytes_per_second = record.bytes / timing.median;
  figures.flops_per_second = record.flops / timing.median;
  if (record.floor && IsTime(record.floor->Seconds())) {
    figures.floor_seconds = record.floor->Seconds();
    figures.floor_share = figures.floor_seconds / timing.median;
  }
  figures.warning = WarningFor(timing, figures);
  return figures;
}

double ConfidenceOf(const Timing& timing) {
  return timing.confidence > 0 && timing.confidence < 1 ? timing.confidence : 0.95;
}

// A time that the second clock disputes is shown, with a warning, but nothing is compared with it.
bool Believed(const Record& record, const CaseFigures& figures) {
  return figures.timed && !record.timing->clock_agreement.starts_with("disagrees");
}

// Of the same arithmetic or a finer one, and launched the same way: who is quicker because it rounds more, or
// because a graph spares it a gap, is no opponent.
bool IsOpponent(const Record& baseline, const Record& kernel) {
  const bool coarser = baseline.operand_bits > 0 && baseline.operand_bits < kernel.operand_bits;
  return !coarser && IsGraphName(baseline.variant) == IsGraphName(kernel.variant);
}

void CompareWithBaselines(const std::vector<Record>& records, std::vector<CaseFigures>& cases) {
  std::map<ProblemKey, std::vector<std::size_t>> baselines;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].baseline && Believed(records[i], cases[i])) baselines[KeyOf(records[i])].push_back(i);
  }
  for (auto& [key, places] : baselines) {
    std::stable_sort(places.begin(), places.end(),
                     [&](std::size_t a, std::size_t b) { return cases[a].median < cases[b].median; });
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].baseline || !Believed(records[i], cases[i])) continue;
    const auto it = baselines.find(KeyOf(records[i]));
    if (it == baselines.end()) continue;
    for (const std::size_t place : it->second) {
      if (!IsOpponent(records[place], records[i])) continue;
      const Ratio speedup = RatioOfMedians(records[place].timing->samples, records[i].timing->samples,
                                           ConfidenceOf(*records[i].timing));
      cases[i].comparisons.push_back({place, speedup});
    }
  }
}

std::vector<std::string> BaselineNames(const std::vector<Record>& records) {
  std::vector<std::string> names;
  for (const Record& record : records) {
    if (record.baseline && std::find(names.begin(), names.end(), record.variant) == names.end())
      names.push_back(record.variant);
  }
  return names;
}

// The comparison that a group's mean takes of a case; NULL if the case has none.
const Comparison* ComparisonFor(const std::vector<Record>& records, const CaseFigures& figures,
                                const std::string& baseline) {
  if (baseline.empty()) return figures.Strongest();
  for (const Comparison& comparison : figures.comparisons) {
    if (records[comparison.baseline].variant == baseline) return &comparison;
  }
  return nullptr;
}

void AddCase(GroupMean& group, const std::vector<Record>& records, const Record& record,
             const CaseFigures& figures) {
  if (record.verdict == Verdict::kWrong || record.verdict == Verdict::kUntrusted ||
      record.verdict == Verdict::kFailed) {
    ++group.not_right;
  }
  if (record.verdict == Verdict::kUnsupported || record.verdict == Verdict::kUnavailable) ++group.not_run;
  const Comparison* comparison = ComparisonFor(records, figures, group.baseline);
  if (figures.timed && comparison == nullptr) ++group.without_baseline;
  if (comparison == nullptr) return;
  const double speedup = comparison->speedup.value;
  group.smallest = group.compared == 0 ? speedup : std::min(group.smallest, speedup);
  group.largest = std::max(group.largest, speedup);
  group.mean += std::log(speedup);
  ++group.compared;
}

std::vector<GroupMean> MeansOf(const std::vector<Record>& records, const Analysis& analysis) {
  std::vector<std::string> over = {""};
  for (const std::string& baseline : analysis.baselines) {
    if (std::any_of(analysis.cases.begin(), analysis.cases.end(), [&](const CaseFigures& figures) {
          return ComparisonFor(records, figures, baseline) != nullptr;
        }))
      over.push_back(baseline);
  }
  if (over.size() == 2) over.pop_back();  // the only one is the strongest
  std::vector<GroupMean> means;
  std::map<GroupKey, std::size_t> places;  // of a variant's first group; one for each of `over` follows
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    if (record.baseline) continue;
    const auto [it, is_new] =
        places.try_emplace(GroupKey{record.op, record.dtype, record.layout, record.variant}, means.size());
    if (is_new) {
      for (const std::string& baseline : over) {
        GroupMean group;
        std::tie(group.op, group.dtype, group.layout, group.variant) = it->first;
        group.baseline = baseline;
        means.push_back(group);
      }
    }
    for (std::size_t j = 0; j < over.size(); ++j)
      AddCase(means[it->second + j], records, record, analysis.cases[i]);
  }
  for (GroupMean& group : means) {
    if (group.compared > 0) group.mean = std::exp(group.mean / group.compared);
  }
  return means;
}

}  // namespace

Analysis Analyse(const Journal& journal) {
  const std::vector<Record>& records = journal.records;
  Analysis analysis;
  for (const Record& record : records) {
    analysis.cases.push_back(FiguresOf(record));
    ++analysis.totals[static_cast<std::size_t>(record.verdict)];
    if (!analysis.cases.back().warning.empty()) ++analysis.warnings;
  }
  CompareWithBaselines(records, analysis.cases);
  analysis.baselines = BaselineNames(records);
  analysis.means = MeansOf(records, analysis);
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (CountsAsFailure(records[i])) analysis.failures.push_back(i);
  }
  std::stable_sort(analysis.failures.begin(), analysis.failures.end(), [&](std::size_t a, std::size_t b) {
    return static_cast<int>(records[a].verdict) < static_cast<int>(records[b].verdict);
  });
  analysis.missing = std::max(0, journal.header.planned_cases - static_cast<int>(records.size()));
  return analysis;
}

std::vector<double> Quantiles(std::vector<double> samples, std::size_t count) {
  std::sort(samples.begin(), samples.end());
  if (samples.size() <= count || count < 2) return samples;
  std::vector<double> quantiles(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double place =
        static_cast<double>(i) * static_cast<double>(samples.size() - 1) / static_cast<double>(count - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, samples.size() - 1);
    quantiles[i] = std::lerp(samples[below], samples[above], place - static_cast<double>(below));
  }
  return quantiles;
}

}  // namespace assay
