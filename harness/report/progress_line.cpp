#include "harness/report/progress_line.h"

#include <algorithm>
#include <cstdint>

#include "fmt/core.h"
#include "harness/report/text.h"

namespace assay {

std::string ClockTime(double seconds) {
  constexpr double kLongest = 99 * 3600.0 + 59 * 60 + 59;
  const auto whole = static_cast<std::int64_t>(std::clamp(seconds, 0.0, kLongest) + 0.5);
  const std::int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

std::string BarLine(const ProgressState& state, int columns) {
  const int planned = std::max(state.planned, state.done);
  const double share = planned > 0 ? static_cast<double>(state.done) / planned : 0;
  const std::string left = state.done > 0
                               ? ClockTime(state.elapsed_seconds / state.done * (planned - state.done))
                               : std::string("?:??");
  std::string line;
  const int cells = columns >= 100 ? 24 : columns >= 60 ? 12 : 0;
  if (cells > 0) {
    const auto full = static_cast<std::size_t>(share * cells);
    std::string bar(full, '=');
    if (static_cast<int>(full) < cells) bar += '>';
    bar.resize(static_cast<std::size_t>(cells), ' ');
    line = "[" + bar + "] ";
  }
  line += fmt::format("{}/{}  {:.0f} %  {} left", state.done, planned, 100 * share, left);
  const int room = columns - DisplayWidth(line) - 2;
  if (!state.running.empty() && room > 8) line += "  " + CutStart(OneLine(state.running), room);
  return CutEnd(line, columns);
}

std::string CaseLine(const Record& record, int done, int planned) {
  const std::string total = fmt::format("{}", planned);
  std::string line = fmt::format("[{:>{}}/{}] {:<11}  {}", done, total.size(), total,
                                 VerdictName(record.verdict), OneLine(record.id));
  if (record.verdict != Verdict::kRight) return line + ": " + OneLine(record.reason);
  if (record.timing) line += fmt::format("  {:.4g} ms", 1e3 * record.timing->median);
  return line;
}

}  // namespace assay
