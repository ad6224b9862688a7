// The summary on the console: what is wrong first, then the figures, then where to read more.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fmt/core.h"
#include "harness/report/render.h"
#include "harness/report/report.h"
#include "harness/report/text.h"

namespace assay {
namespace {

constexpr int kUnlimited = 1 << 20;
constexpr std::size_t kFailuresShown = 20;
constexpr std::size_t kCasesShown = 60;
constexpr int kNarrowestId = 44;  // the end of an id: "...h512w512r3p1/fp16/nhwc/warp_shuffle"

struct Column {
  std::string title;
  bool left = false;
  std::vector<std::string> cells = {};
  int Width() const {
    int width = DisplayWidth(title);
    for (const std::string& cell : cells) width = std::max(width, DisplayWidth(cell));
    return width;
  }
};

std::string Padded(const std::string& cell, int width, bool left) {
  const std::string space(static_cast<std::size_t>(std::max(0, width - DisplayWidth(cell))), ' ');
  return left ? cell + space : space + cell;
}

// A table whose first column shrinks to fit; columns that do not fit even so are left out, the last ones
// first.
std::string Table(std::vector<Column> columns, int width) {
  const auto rest = [&] {
    int sum = 0;
    for (std::size_t i = 1; i < columns.size(); ++i) sum += 2 + columns[i].Width();
    return sum;
  };
  const int wanted = std::min(columns[0].Width(), kNarrowestId);
  while (columns.size() > 1 && width - rest() < wanted) columns.pop_back();
  const int first = std::min(columns[0].Width(), std::max(1, width - rest()));
  for (std::string& cell : columns[0].cells) cell = CutStart(cell, first);

  std::string out;
  for (std::size_t row = 0; row <= columns[0].cells.size(); ++row) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Column& column = columns[i];
      const std::string& cell = row == 0 ? column.title : column.cells[row - 1];
      if (i > 0) line += "  ";
      line += Padded(i == 0 ? CutEnd(cell, first) : cell, i == 0 ? first : column.Width(), column.left);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

// A command broken so that it can still be pasted into a shell: a backslash ends each line but the last.
// Quoted words are never broken, even if they are wider than the screen, because a backslash would become
// part of them.
std::string WrapCommand(const std::string& command, int width, const std::string& indent) {
  std::vector<std::string> words(1);
  char quote = 0;
  for (char c : command) {
    if (quote == 0 && c == ' ') {
      words.emplace_back();
      continue;
    }
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    words.back() += c;
  }
  std::string out;
  std::string line = indent;
  bool line_is_empty = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const int room = width - (i + 1 < words.size() ? 2 : 0);  // " \\" may have to follow
    if (!line_is_empty && DisplayWidth(line) + 1 + DisplayWidth(word) > room) {
      out += line + " \\\n";
      line = indent + "  ";
      line_is_empty = true;
    }
    line += (line_is_empty ? "" : " ") + word;
    line_is_empty = false;
    // A bare word goes on at the very start of the next line.
    while (DisplayWidth(line) > room && width > 3 && word.find_first_of("'\"") == std::string::npos) {
      const std::size_t kept = FittingPrefix(line, width - 1);
      out += line.substr(0, kept) + "\\\n";
      line.erase(0, kept);
    }
  }
  return out + line + "\n";
}

void AppendWrapped(std::string& out, const std::string& text, int width, const std::string& indent) {
  const int room = std::max(1, width - DisplayWidth(indent));
  for (const std::string& line : Wrap(OneLine(text), room)) out += indent + line + "\n";
}

std::string FailureSection(const Journal& journal, const Analysis& analysis, int width) {
  std::string out;
  const std::string indent = width >= 40 ? "    " : "";
  const std::size_t shown = std::min(kFailuresShown, analysis.failures.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const Record& record = journal.records[analysis.failures[i]];
    std::string verdict = VerdictName(record.verdict);
    std::transform(verdict.begin(), verdict.end(), verdict.begin(),
                   [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    AppendWrapped(out, verdict + " " + record.id, width, "");
    AppendWrapped(out, record.reason, width, indent);
    if (record.failure) {
      const Failure& failure = *record.failure;
      std::string where = fmt::format("step {}", StepName(failure.step));
      // The judge's sentence often tells the element already.
      if (!failure.tensor.empty() && record.reason.find(failure.coordinates) == std::string::npos) {
        where += fmt::format(": {}[{}] is {:.9g}, expected {:.9g} within {:.3g}; {} of {} elements, seed {}",
                             failure.tensor, failure.coordinates, failure.got, failure.expected,
                             failure.bound, failure.count, failure.total, failure.seed);
      }
      AppendWrapped(out, where, width, indent);
    }
    if (!record.reproduce.empty()) out += WrapCommand(OneLine(record.reproduce), width, indent);
    out += "\n";
  }
  if (shown < analysis.failures.size()) {
    AppendWrapped(out, fmt::format("... and {} more: see results.csv", analysis.failures.size() - shown),
                  width, "");
    out += "\n";
  }
  return out;
}

std::string TimedTable(const Journal& journal, const Analysis& analysis, int width) {
  Column id{"case", true}, verdict{"verdict", true}, median{"median us"}, speedup{"speed-up"},
      share{"of floor"}, spread{"+-%"}, rate{"GB/s"}, flops{"TFLOP/s"};
  for (std::size_t i = 0; i < journal.records.size(); ++i) {
    const Record& record = journal.records[i];
    const CaseFigures& figures = analysis.cases[i];
    const auto number = [](bool known, const std::string& text) { return known ? text : std::string("-"); };
    id.cells.push_back(OneLine(record.id));
    verdict.cells.push_back(VerdictName(record.verdict) + std::string(figures.warning.empty() ? "" : " (!)"));
    median.cells.push_back(number(figures.timed, fmt::format("{:.2f}", 1e6 * figures.median)));
    const double half = figures.timed ? 50 * (figures.high - figures.low) / figures.median : 0;
    spread.cells.push_back(number(figures.timed, fmt::format("{:.1f}", half)));
    const Comparison* strongest = figures.Strongest();
    std::string over = strongest != nullptr ? fmt::format("{:.2f}x", strongest->speedup.value) : "-";
    if (record.baseline) over = "baseline";
    speedup.cells.push_back(over);
    share.cells.push_back(
        number(figures.floor_seconds > 0, fmt::format("{:.0f} %", 100 * figures.floor_share)));
    rate.cells.push_back(number(figures.timed, fmt::format("{:.0f}", 1e-9 * figures.bytes_per_second)));
    flops.cells.push_back(number(figures.timed, fmt::format("{:.2f}", 1e-12 * figures.flops_per_second)));
  }
  return Table({id, verdict, median, speedup, share, spread, rate, flops}, width);
}

std::string UntimedTable(const Journal& journal, int width) {
  Column id{"case", true}, verdict{"verdict", true}, error{"error/bound"}, seconds{"took s"};
  for (const Record& record : journal.records) {
    id.cells.push_back(OneLine(record.id));
    verdict.cells.push_back(VerdictName(record.verdict));
    error.cells.push_back(record.verdict == Verdict::kRight ? fmt::format("{:.2g}", record.max_error_share)
                                                            : "-");
    seconds.cells.push_back(fmt::format("{:.2f}", record.case_seconds));
  }
  return Table({id, verdict, error, seconds}, width);
}

std::string MeansSection(const Analysis& analysis, int width) {
  Column group{"speed-up", true}, over{"over", true}, mean{"geom. mean"}, range{"range"}, compared{"cases"},
      left_out{"left out"};
  for (const GroupMean& g : analysis.means) {
    const int excluded = g.without_baseline + g.not_right + g.not_run;
    if (g.compared + excluded == 0) continue;
    group.cells.push_back(fmt::format("{} {} {} {}", g.op, g.dtype, g.layout, g.variant));
    over.cells.push_back(g.baseline.empty() ? "strongest baseline" : g.baseline);
    mean.cells.push_back(g.compared ? fmt::format("{:.2f}x", g.mean) : "-");
    range.cells.push_back(g.compared ? fmt::format("{:.2f}-{:.2f}x", g.smallest, g.largest) : "-");
    compared.cells.push_back(fmt::format("{}", g.compared));
    left_out.cells.push_back(fmt::format("{}", excluded));
  }
  return group.cells.empty() ? "" : Table({group, over, mean, range, compared, left_out}, width) + "\n";
}

std::string TotalsLine(const Journal& journal, const Analysis& analysis) {
  std::string line = fmt::format("{} cases:", journal.records.size());
  for (std::size_t i = 0; i < analysis.totals.size(); ++i) {
    if (analysis.totals[i] == 0) continue;
    line += fmt::format("{} {} {}", line.ends_with(':') ? "" : ",", analysis.totals[i],
                        VerdictName(static_cast<Verdict>(i)));
  }
  if (analysis.missing > 0)
    line += fmt::format("; {} of {} planned did not run", analysis.missing, journal.header.planned_cases);
  if (analysis.warnings > 0) line += fmt::format("; {} with doubtful times (!)", analysis.warnings);
  return line;
}

// Why cases were not run, the most frequent reason first.
std::string NotRunSection(const Journal& journal, int width) {
  constexpr std::size_t kReasonsShown = 4;
  std::map<std::string, int> counts;
  for (const Record& record : journal.records) {
    if (record.verdict == Verdict::kUnsupported || record.verdict == Verdict::kUnavailable) {
      ++counts[fmt::format("{} {}: {}", VerdictName(record.verdict), record.variant, record.reason)];
    }
  }
  std::vector<std::pair<std::string, int>> reasons(counts.begin(), counts.end());
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string out;
  for (std::size_t i = 0; i < std::min(kReasonsShown, reasons.size()); ++i) {
    AppendWrapped(out, fmt::format("{} {}", reasons[i].second, reasons[i].first), width, "");
  }
  if (reasons.size() > kReasonsShown) {
    AppendWrapped(out,
                  fmt::format("... and {} more reasons: see results.csv", reasons.size() - kReasonsShown),
                  width, "");
  }
  return out;
}

}  // namespace

std::string RenderConsole(const Journal& journal, int width, const std::filesystem::path& dir) {
  const Analysis analysis = Analyse(journal);
  const int columns = width > 0 ? width : kUnlimited;
  std::string out = FailureSection(journal, analysis, columns);
  if (!journal.records.empty() && journal.records.size() <= kCasesShown) {
    out += journal.header.timed ? TimedTable(journal, analysis, columns) : UntimedTable(journal, columns);
    out += "\n";
  }
  if (journal.header.timed) {
    out += MeansSection(analysis, columns);
  } else {
    AppendWrapped(out, "No times: " + journal.header.untimed_reason, columns, "");
  }
  for (const std::string& notice : journal.header.notices) AppendWrapped(out, notice, columns, "");
  out += NotRunSection(journal, columns);
  AppendWrapped(out, TotalsLine(journal, analysis), columns, "");
  if (!dir.empty()) {
    AppendWrapped(out, fmt::format("Reports: {}, results.csv, junit.xml", (dir / "report.html").string()),
                  columns, "");
  }
  return out;
}

}  // namespace assay
