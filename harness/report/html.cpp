// report.html: reports/template.html with everything that it needs put in its places.
#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "fmt/core.h"
#include "harness/report/assets.h"
#include "harness/report/render.h"
#include "harness/report/text.h"

namespace assay {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kQuantilesKept = 33;

// Enough digits for a person, few enough for a file that is kept in git. Infinities and NaN as strings.
Json Short(double value, int digits = 6) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const double rounded = std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr);
  if (rounded == std::trunc(rounded) && std::abs(rounded) < 1e15) return static_cast<std::int64_t>(rounded);
  return rounded;
}

// Every digit, as text: JavaScript would show 1e-7 and 0.30000000000000004 its own way.
Json Exact(double value) { return fmt::format("{:.9g}", value); }

// Strings that many cases share are kept once and named by number.
class Strings {
 public:
  std::size_t Number(const std::string& text) {
    const auto [it, is_new] = numbers_.try_emplace(text, numbers_.size());
    if (is_new) all_.push_back(text);
    return it->second;
  }
  const Json& all() const { return all_; }

 private:
  std::map<std::string, std::size_t> numbers_;
  Json all_ = Json::array();
};

template <typename Value>
Json PairsOf(const std::vector<std::pair<std::string, Value>>& pairs) {
  Json json = Json::array();
  for (const auto& [name, value] : pairs) json.push_back({name, value});
  return json;
}

Json HeaderJson(const Journal& journal, const Analysis& analysis) {
  const SweepHeader& header = journal.header;
  Json json = {{"name", header.name},
               {"device", header.device},
               {"started", header.started},
               {"command", header.command},
               {"config_path", header.config_path},
               {"config_text", header.config_text},
               {"version", header.assay_version},
               {"timed", header.timed},
               {"untimed_reason", header.untimed_reason},
               {"notices", header.notices},
               {"environment", PairsOf(header.environment)},
               {"method", PairsOf(header.method)},
               {"planned", header.planned_cases},
               {"missing", analysis.missing},
               {"torn", journal.torn}};
  if (header.ceilings) {
    json["ceilings"] = {{"copy", Short(header.ceilings->copy_bytes)},
                        {"ffma", Short(header.ceilings->ffma_flops)},
                        {"fp16", Short(header.ceilings->tensor_fp16_flops)},
                        {"bf16", Short(header.ceilings->tensor_bf16_flops)},
                        {"tf32", Short(header.ceilings->tensor_tf32_flops)}};
  }
  return json;
}

Json FailureJson(const Failure& failure) {
  Json json = {{"step", StepName(failure.step)}, {"detail", failure.detail}};
  if (failure.tensor.empty()) return json;
  json["at"] = fmt::format("{}[{}]", failure.tensor, failure.coordinates);
  json["expected"] = Exact(failure.expected);
  json["got"] = Exact(failure.got);
  json["bound"] = Exact(failure.bound);
  json["count"] = failure.count;
  json["total"] = failure.total;
  json["seed"] = std::to_string(failure.seed);  // 64 bits do not fit a JavaScript number
  return json;
}

// Times in microseconds.
Json TimeJson(const Timing& timing, const CaseFigures& figures) {
  Json quantiles = Json::array();
  for (double sample : Quantiles(timing.samples, kQuantilesKept)) quantiles.push_back(Short(1e6 * sample, 5));
  Json json = {{"median", Short(1e6 * figures.median)},
               {"low", Short(1e6 * figures.low)},
               {"high", Short(1e6 * figures.high)},
               {"confidence", Short(timing.confidence)},
               {"samples", timing.samples.size()},
               {"dropped", timing.dropped_throttled},
               {"stop", timing.stop_reason},
               {"wall", Short(1e6 * timing.wall_seconds)},
               {"clocks", timing.clock_agreement},
               {"mhz", Short(timing.sm_clock_mhz)},
               {"quantiles", std::move(quantiles)}};
  if (figures.floor_seconds > 0) json["floor"] = Short(1e6 * figures.floor_seconds);
  return json;
}

// "n 128, c 64, k 128"
std::string ParamsText(const Record& record) {
  std::string text;
  for (const auto& [name, value] : record.params) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

Json CaseJson(const Record& record, const CaseFigures& figures, Strings& strings) {
  Json json = {{"id", record.id},
               {"op", strings.Number(record.op)},
               {"problem", strings.Number(record.problem)},
               {"label", strings.Number(record.label)},
               {"params", strings.Number(ParamsText(record))},
               {"dtype", record.dtype},
               {"layout", record.layout},
               {"variant", record.variant},
               {"device", strings.Number(record.device)},
               {"verdict", VerdictName(record.verdict)},
               {"bytes", Short(record.bytes, 15)},
               {"flops", Short(record.flops, 15)},
               {"error", Short(record.max_error_share, 4)},
               {"seconds", Short(record.case_seconds, 4)},
               {"reproduce", record.reproduce}};
  if (record.baseline) json["baseline"] = true;
  if (record.named) json["named"] = true;
  if (CountsAsFailure(record)) json["fails"] = true;
  if (!record.reason.empty()) json["reason"] = strings.Number(record.reason);
  if (!record.plan.empty()) json["plan"] = strings.Number(record.plan);
  if (!record.printed.empty()) json["printed"] = strings.Number(record.printed);
  if (!figures.warning.empty()) json["warning"] = figures.warning;
  Json steps = Json::array();
  for (const StepResult& step : record.steps) {
    steps.push_back({strings.Number(StepName(step.step)), strings.Number(OutcomeName(step.outcome)),
                     strings.Number(step.detail)});
  }
  json["steps"] = std::move(steps);
  if (record.failure) json["failure"] = FailureJson(*record.failure);
  if (figures.timed) json["time"] = TimeJson(*record.timing, figures);
  if (record.floor) {
    json["floor"] = {{"byte", Short(1e6 * record.floor->byte_seconds)},
                     {"flop", Short(1e6 * record.floor->flop_seconds)},
                     {"unit", strings.Number(record.floor->flop_unit)}};
  }
  // Over each baseline, the strongest first: its case, then value, low, high.
  for (const auto& [baseline, speedup] : figures.comparisons) {
    json["speedups"].push_back({baseline, Short(speedup.value), Short(speedup.low), Short(speedup.high)});
  }
  return json;
}

Json MeanJson(const GroupMean& group) {
  return {{"op", group.op},
          {"dtype", group.dtype},
          {"layout", group.layout},
          {"variant", group.variant},
          {"baseline", group.baseline},
          {"compared", group.compared},
          {"mean", Short(group.mean)},
          {"smallest", Short(group.smallest)},
          {"largest", Short(group.largest)},
          {"without_baseline", group.without_baseline},
          {"not_right", group.not_right},
          {"not_run", group.not_run}};
}

Json DataJson(const Journal& journal, const Analysis& analysis) {
  Strings strings;
  Json cases = Json::array();
  for (std::size_t i = 0; i < journal.records.size(); ++i) {
    cases.push_back(CaseJson(journal.records[i], analysis.cases[i], strings));
  }
  Json means = Json::array();
  for (const GroupMean& group : analysis.means) means.push_back(MeanJson(group));
  Json totals = Json::object();
  for (std::size_t i = 0; i < analysis.totals.size(); ++i) {
    totals[VerdictName(static_cast<Verdict>(i))] = analysis.totals[i];
  }
  return {{"header", HeaderJson(journal, analysis)},
          {"totals", std::move(totals)},
          {"failures", analysis.failures},
          {"means", std::move(means)},
          {"strings", strings.all()},
          {"cases", std::move(cases)}};
}

// JSON that may stand inside a <script> element: nothing in it can end the element or start a comment
// (HTML, 4.12.1.3), and no character in it ends a line for any script parser.
std::string ForScriptElement(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') {
      out += "\\u003c";
    } else if (text.compare(i, 3, "\xE2\x80\xA8") == 0 || text.compare(i, 3, "\xE2\x80\xA9") == 0) {
      out += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string EscapeHtml(const std::string& text) {
  std::string out;
  for (char c : OneLine(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// The library without its pointer to a source map, which is not there.
std::string_view ChartJs() {
  const std::string_view chart = Asset(assay_asset_chart_js, assay_asset_chart_js_end);
  const std::size_t pointer = chart.rfind("//# sourceMappingURL=");
  return pointer == std::string_view::npos ? chart : chart.substr(0, pointer);
}

// Replaces each @@NAME@@ of the template by its value. Values are put in as they are and never searched.
std::string Fill(std::string_view page, const std::map<std::string, std::string, std::less<>>& values) {
  constexpr std::string_view kMark = "@@";
  std::string out;
  while (true) {
    const std::size_t begin = page.find(kMark);
    out += page.substr(0, begin);
    if (begin == std::string_view::npos) return out;
    const std::size_t end = page.find(kMark, begin + kMark.size());
    if (end == std::string_view::npos)
      throw std::logic_error("reports/template.html: a place is opened and not closed");
    const std::string_view name = page.substr(begin + kMark.size(), end - begin - kMark.size());
    const auto value = values.find(name);
    if (value == values.end())
      throw std::logic_error(fmt::format("reports/template.html: unknown place {}", name));
    out += value->second;
    page.remove_prefix(end + kMark.size());
  }
}

}  // namespace

std::string RenderHtml(const Journal& journal, const Analysis& analysis) {
  const auto text = [](const char* begin, const char* end) { return std::string(Asset(begin, end)); };
  const std::string title = fmt::format("{} on {}", journal.header.name, journal.header.device);
  return Fill(Asset(assay_asset_template_html, assay_asset_template_html_end),
              {{"TITLE", EscapeHtml(title)},
               {"STYLE", text(assay_asset_report_css, assay_asset_report_css_end)},
               {"DATA", ForScriptElement(DataJson(journal, analysis))},
               {"CHART_JS", journal.header.timed ? std::string(ChartJs()) : std::string()},
               {"SCRIPT", text(assay_asset_data_js, assay_asset_data_js_end) +
                              text(assay_asset_filters_js, assay_asset_filters_js_end) +
                              text(assay_asset_charts_js, assay_asset_charts_js_end) +
                              text(assay_asset_table_js, assay_asset_table_js_end) +
                              text(assay_asset_report_js, assay_asset_report_js_end)}});
}

}  // namespace assay
