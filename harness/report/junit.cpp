// junit.xml: what continuous-integration servers read. A suite for each operator, dtype and layout, a test
// for each case.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/core.h"
#include "harness/report/render.h"
#include "harness/report/text.h"

namespace assay {
namespace {

// XML 1.0, 2.2: these may not stand in a document at all, not even as references.
bool IsForbidden(char32_t c) {
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xFFFE || c == 0xFFFF;
}

// Good for attributes and for text; line breaks as references, since attributes would lose them otherwise.
std::string Escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    const std::string_view bytes = text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
    if (!point.valid || IsForbidden(point.value)) {
      out += "\xEF\xBF\xBD";
    } else if (bytes == "&") {
      out += "&amp;";
    } else if (bytes == "<") {
      out += "&lt;";
    } else if (bytes == ">") {
      out += "&gt;";
    } else if (bytes == "\"") {
      out += "&quot;";
    } else if (bytes == "\n" || bytes == "\r" || bytes == "\t") {
      out += fmt::format("&#{};", static_cast<int>(point.value));
    } else {
      out += bytes;
    }
  }
  return out;
}

struct Suite {
  std::string name;
  std::vector<const Record*> records;
  int failures = 0, errors = 0, skipped = 0;
  double seconds = 0;
};

enum class Kind { kPassed, kFailure, kError, kSkipped };

Kind KindOf(const Record& record) {
  if (record.verdict == Verdict::kRight) return Kind::kPassed;
  if (record.verdict == Verdict::kFailed) return Kind::kError;
  return CountsAsFailure(record) ? Kind::kFailure : Kind::kSkipped;
}

std::vector<Suite> SuitesOf(const Journal& journal) {
  std::vector<Suite> suites;
  std::map<std::string, std::size_t> places;
  for (const Record& record : journal.records) {
    const std::string name = fmt::format("{}.{}.{}", record.op, record.dtype, record.layout);
    const auto [it, is_new] = places.try_emplace(name, suites.size());
    if (is_new) suites.emplace_back().name = name;
    Suite& suite = suites[it->second];
    suite.records.push_back(&record);
    suite.seconds += record.case_seconds;
    const Kind kind = KindOf(record);
    suite.failures += kind == Kind::kFailure;
    suite.errors += kind == Kind::kError;
    suite.skipped += kind == Kind::kSkipped;
  }
  return suites;
}

void AppendCase(std::string& out, const Suite& suite, const Record& record) {
  out += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.6f}\"", Escape(suite.name),
                     Escape(record.id), record.case_seconds);
  const Kind kind = KindOf(record);
  if (kind == Kind::kPassed) {
    out += "/>\n";
    return;
  }
  if (kind == Kind::kSkipped) {
    out += fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                       Escape(fmt::format("{}: {}", VerdictName(record.verdict), record.reason)));
    return;
  }
  const char* element = kind == Kind::kError ? "error" : "failure";
  out += fmt::format(">\n      <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n    </testcase>\n", element,
                     VerdictName(record.verdict), Escape(record.reason), Escape(FailureText(record)));
}

}  // namespace

std::string FailureText(const Record& record) {
  std::string text = record.reason;
  if (record.failure) {
    const Failure& failure = *record.failure;
    text += fmt::format("\nstep: {}", StepName(failure.step));
    if (!failure.tensor.empty()) {
      text += fmt::format("\nfirst wrong element: {}[{}] is {}, expected {} (within {})", failure.tensor,
                          failure.coordinates, failure.got, failure.expected, failure.bound);
      text += fmt::format("\nwrong elements: {} of {}, seed {}", failure.count, failure.total, failure.seed);
    }
    if (!failure.detail.empty() && failure.detail != record.reason) text += "\n" + failure.detail;
  }
  if (!record.reproduce.empty()) text += "\nreproduce: " + record.reproduce;
  return text;
}

std::string RenderJunit(const Journal& journal, const Analysis& analysis) {
  const std::vector<Suite> suites = SuitesOf(journal);
  int failures = 0, errors = 0, skipped = 0;
  double seconds = 0;
  for (const Suite& suite : suites) {
    failures += suite.failures;
    errors += suite.errors;
    skipped += suite.skipped;
    seconds += suite.seconds;
  }
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format(
      "<testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.6f}\">\n",
      Escape(journal.header.name), analysis.cases.size(), failures, errors, skipped, seconds);
  for (const Suite& suite : suites) {
    out += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.6f}\" "
        "timestamp=\"{}\">\n",
        Escape(suite.name), suite.records.size(), suite.failures, suite.errors, suite.skipped, suite.seconds,
        Escape(journal.header.started));
    for (const Record* record : suite.records) AppendCase(out, suite, *record);
    out += "  </testsuite>\n";
  }
  out += "</testsuites>\n";
  return out;
}

}  // namespace assay
