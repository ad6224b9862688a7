// results.csv: one row a case. Columns that have no value for a case (no time, no failure) are empty.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fmt/core.h"
#include "harness/report/render.h"
#include "harness/report/text.h"

namespace assay {
namespace {

// One row under construction: cells in the order of the header.
class Row {
 public:
  void Text(std::string column, const std::string& value) {
    cells_.emplace_back(std::move(column), ValidUtf8(value));
  }
  void Figure(std::string column, double value) {
    cells_.emplace_back(std::move(column), fmt::format("{:.6g}", value));
  }
  void FigureIf(bool known, std::string column, double value) {
    known ? Figure(std::move(column), value) : Empty(std::move(column));
  }
  // Every bit of a double: what was expected and what came instead may differ in the last place.
  void Exact(std::string column, double value) {
    cells_.emplace_back(std::move(column), fmt::format("{:.17g}", value));
  }
  void Whole(std::string column, double value) {
    cells_.emplace_back(std::move(column), fmt::format("{:.0f}", value));
  }
  template <typename Integer>
  void Count(std::string column, Integer value) {
    cells_.emplace_back(std::move(column), fmt::format("{}", value));
  }
  void Empty(std::string column) { cells_.emplace_back(std::move(column), ""); }

  const std::vector<std::pair<std::string, std::string>>& cells() const { return cells_; }

 private:
  std::vector<std::pair<std::string, std::string>> cells_;
};

// RFC 4180, 2: quotes where the cell holds a separator, a quote or a line break; quotes inside are doubled.
void AppendCell(std::string& out, std::string_view cell) {
  if (cell.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += cell;
    return;
  }
  out += '"';
  for (char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void AddTimes(Row& row, const Record& record, const CaseFigures& figures) {
  const bool timed = figures.timed;
  row.FigureIf(timed, "median_us", 1e6 * figures.median);
  row.FigureIf(timed, "interval_low_us", 1e6 * figures.low);
  row.FigureIf(timed, "interval_high_us", 1e6 * figures.high);
  const Timing timing = timed ? *record.timing : Timing{};
  row.FigureIf(timed, "interval_confidence", timing.confidence);
  timed ? row.Count("samples", timing.samples.size()) : row.Empty("samples");
  timed ? row.Count("dropped_throttled_samples", timing.dropped_throttled)
        : row.Empty("dropped_throttled_samples");
  row.Text("stop_reason", timing.stop_reason);
  row.FigureIf(timed && timing.wall_seconds > 0, "wall_us", 1e6 * timing.wall_seconds);
  row.Text("clock_agreement", timing.clock_agreement);
  row.FigureIf(timed && timing.sm_clock_mhz > 0, "sm_clock_mhz", timing.sm_clock_mhz);
  row.FigureIf(timed, "achieved_gb_per_s", 1e-9 * figures.bytes_per_second);
  row.FigureIf(timed, "achieved_tflop_per_s", 1e-12 * figures.flops_per_second);
  const bool floor = figures.floor_seconds > 0;
  row.FigureIf(floor, "floor_us", 1e6 * figures.floor_seconds);
  row.FigureIf(floor, "floor_share", figures.floor_share);
  row.Text("floor_flop_unit", floor ? record.floor->flop_unit : "");
}

void AddRatio(Row& row, const std::string& prefix, const Comparison* comparison) {
  const Ratio ratio = comparison != nullptr ? comparison->speedup : Ratio{};
  row.FigureIf(comparison != nullptr, prefix, ratio.value);
  row.FigureIf(comparison != nullptr, prefix + "_low", ratio.low);
  row.FigureIf(comparison != nullptr, prefix + "_high", ratio.high);
}

// Over the strongest baseline, and then, a column each, over every one that the sweep has.
void AddSpeedups(Row& row, const Journal& journal, const Analysis& analysis, const CaseFigures& figures) {
  const Comparison* strongest = figures.Strongest();
  AddRatio(row, "speedup", strongest);
  row.Text("baseline", strongest != nullptr ? journal.records[strongest->baseline].variant : "");
  for (const std::string& baseline : analysis.baselines) {
    const auto over = std::find_if(
        figures.comparisons.begin(), figures.comparisons.end(),
        [&](const Comparison& each) { return journal.records[each.baseline].variant == baseline; });
    AddRatio(row, "speedup_over_" + baseline, over != figures.comparisons.end() ? &*over : nullptr);
  }
}

void AddFailure(Row& row, const std::optional<Failure>& failure) {
  constexpr std::array kColumns = {
      "failure_step",  "failure_tensor", "failure_coordinates", "failure_expected", "failure_got",
      "failure_bound", "failure_count",  "failure_total",       "failure_seed",     "failure_detail"};
  if (!failure) {
    for (const char* column : kColumns) row.Empty(column);
    return;
  }
  row.Text(kColumns[0], StepName(failure->step));
  row.Text(kColumns[1], failure->tensor);
  row.Text(kColumns[2], failure->coordinates);
  // Without a tensor there is no element that the numbers could be of.
  const bool element = !failure->tensor.empty();
  element ? row.Exact(kColumns[3], failure->expected) : row.Empty(kColumns[3]);
  element ? row.Exact(kColumns[4], failure->got) : row.Empty(kColumns[4]);
  element ? row.Exact(kColumns[5], failure->bound) : row.Empty(kColumns[5]);
  row.Count(kColumns[6], failure->count);
  row.Count(kColumns[7], failure->total);
  row.Count(kColumns[8], failure->seed);
  row.Text(kColumns[9], failure->detail);
}

std::string StepsText(const Record& record) {
  std::string text;
  for (const StepResult& step : record.steps) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{} {}", StepName(step.step), OutcomeName(step.outcome));
  }
  return text;
}

Row RowOf(const Journal& journal, const Analysis& analysis, const Record& record,
          const CaseFigures& figures) {
  Row row;
  row.Text("id", record.id);
  row.Text("operator", record.op);
  row.Text("problem", record.problem);
  row.Text("label", record.label);
  row.Text("dtype", record.dtype);
  row.Text("layout", record.layout);
  row.Text("variant", record.variant);
  row.Text("role", record.baseline ? "baseline" : "kernel");
  row.Text("device", record.device);
  row.Text("verdict", VerdictName(record.verdict));
  row.Text("reason", record.reason);
  AddTimes(row, record, figures);
  AddSpeedups(row, journal, analysis, figures);
  row.Text("warning", figures.warning);
  row.Figure("max_error_share_of_bound", record.max_error_share);
  row.Text("steps", StepsText(record));
  AddFailure(row, record.failure);
  row.Whole("compulsory_bytes", record.bytes);
  row.Whole("flops", record.flops);
  row.FigureIf(record.bytes > 0, "intensity_flop_per_byte", record.flops / record.bytes);
  row.Figure("case_s", record.case_seconds);
  row.Text("plan", record.plan);
  row.Text("reproduce", record.reproduce);
  return row;
}

}  // namespace

std::string RenderCsv(const Journal& journal, const Analysis& analysis) {
  std::string out;
  bool first = true;
  const Row names = RowOf(journal, analysis, Record{}, CaseFigures{});
  for (const auto& [column, cell] : names.cells()) {
    if (!std::exchange(first, false)) out += ',';
    AppendCell(out, column);
  }
  out += '\n';
  for (std::size_t i = 0; i < journal.records.size(); ++i) {
    first = true;
    const Row row = RowOf(journal, analysis, journal.records[i], analysis.cases[i]);
    for (const auto& [column, cell] : row.cells()) {
      if (!std::exchange(first, false)) out += ',';
      AppendCell(out, cell);
    }
    out += '\n';
  }
  return out;
}

}  // namespace assay
