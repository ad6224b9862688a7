#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "harness/report/analysis.h"
#include "harness/report/report.h"
#include "tests/harness/report/synthetic.h"
#include "tests/harness/report/unkind.h"
#include "tests/harness/report/untrusted.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

std::size_t Count(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// As a browser would find it: from the data element to the first end of a script.
Json DataOf(const std::string& html) {
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = html.find(begin) + begin.size();
  return Json::parse(html.substr(from, html.find("</script", from) - from));
}

void ExpectNear(const Json& number, double value) {
  EXPECT_NEAR(number.get<double>(), value, 1e-5 * std::abs(value));
}

TEST(RenderHtml, HoldsEveryCase) {
  const Journal journal = testing::SyntheticJournal();
  const Analysis analysis = Analyse(journal);
  const Json data = DataOf(RenderHtml(journal));
  const auto text = [&](const Json& number) { return data["strings"].at(number.get<std::size_t>()); };
  ASSERT_EQ(data["cases"].size(), journal.records.size());
  EXPECT_EQ(data["failures"].get<std::vector<std::size_t>>(), analysis.failures);
  EXPECT_EQ(data["totals"]["wrong"], analysis.Total(Verdict::kWrong));
  for (std::size_t i = 0; i < journal.records.size(); ++i) {
    const Record& record = journal.records[i];
    const CaseFigures& figures = analysis.cases[i];
    const Json& c = data["cases"][i];
    EXPECT_EQ(c["id"], record.id);
    EXPECT_EQ(text(c["problem"]), record.problem);
    EXPECT_EQ(text(c["label"]), record.label);
    EXPECT_EQ(c["verdict"], VerdictName(record.verdict));
    EXPECT_EQ(c["reproduce"], record.reproduce);
    EXPECT_EQ(c["bytes"].get<double>(), record.bytes);
    EXPECT_EQ(c["steps"].size(), record.steps.size());
    EXPECT_EQ(c.contains("time"), figures.timed);
    ASSERT_EQ(c.contains("speedups") ? c["speedups"].size() : 0, figures.comparisons.size());
    EXPECT_EQ(c.contains("failure"), record.failure.has_value());
    if (figures.timed) {
      ExpectNear(c["time"]["median"], 1e6 * record.timing->median);
      ExpectNear(c["time"]["low"], 1e6 * record.timing->low);
      ExpectNear(c["time"]["high"], 1e6 * record.timing->high);
      ExpectNear(c["time"]["floor"], 1e6 * record.floor->Seconds());
      EXPECT_EQ(c["time"]["samples"], record.timing->samples.size());
      EXPECT_LE(c["time"]["quantiles"].size(), 64u);
    }
    for (std::size_t j = 0; j < figures.comparisons.size(); ++j) {
      const Comparison& comparison = figures.comparisons[j];
      EXPECT_EQ(c["speedups"][j][0], comparison.baseline);
      ExpectNear(c["speedups"][j][1], comparison.speedup.value);
      ExpectNear(c["speedups"][j][2], comparison.speedup.low);
      ExpectNear(c["speedups"][j][3], comparison.speedup.high);
    }
  }
  EXPECT_EQ(text(data["cases"][0]["params"]), "n 128, c 32, k 64, h 112, w 112");
  ExpectNear(data["header"]["ceilings"]["copy"], journal.header.ceilings->copy_bytes);
  EXPECT_EQ(data["means"].size(), analysis.means.size());
}

TEST(RenderHtml, AnUntrustedCaseStandsAmongTheFailures) {
  Journal journal = testing::SyntheticJournal({.problems = 1, .with_failures = false});
  testing::MakeUntrusted(journal.records[9]);
  const Json data = DataOf(RenderHtml(journal));
  EXPECT_EQ(data["totals"]["untrusted"], 1);
  EXPECT_EQ(data["totals"]["right"], 29);
  EXPECT_EQ(data["failures"], Json::parse("[9]"));
  const Json& c = data["cases"][9];
  EXPECT_EQ(c["verdict"], "untrusted");
  EXPECT_EQ(c["fails"], true);
  EXPECT_EQ(data["strings"].at(c["reason"].get<std::size_t>()), testing::kWhyUntrusted);
  EXPECT_FALSE(c.contains("failure") || c.contains("time") || c.contains("speedups"));
}

TEST(RenderHtml, WhatAPackPrintedIsKeptLineByLine) {
  Journal journal = testing::SyntheticJournal();
  journal.records[1].printed = "first </script> line\n\tsecond & \x1b[31mline\n";
  const Json data = DataOf(RenderHtml(journal));
  EXPECT_FALSE(data["cases"][0].contains("printed"));
  EXPECT_EQ(data["strings"].at(data["cases"][1]["printed"].get<std::size_t>()), journal.records[1].printed);
}

TEST(RenderHtml, AFailureKeepsWhatItSaid) {
  Journal journal = testing::SyntheticJournal();
  Record& record = journal.records[0];
  record.verdict = Verdict::kWrong;
  record.failure = Failure{Step::kExact,
                           "y",
                           "n=0 k=1",
                           1.0 / 3.0,
                           std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(),
                           7,
                           9,
                           std::numeric_limits<std::uint64_t>::max(),
                           "x"};
  const Json failure = DataOf(RenderHtml(journal))["cases"][0]["failure"];
  EXPECT_EQ(failure["at"], "y[n=0 k=1]");
  EXPECT_EQ(failure["expected"], "0.333333333");
  EXPECT_EQ(failure["got"], "nan");
  EXPECT_EQ(failure["bound"], "inf");
  EXPECT_EQ(failure["seed"], "18446744073709551615");
}

TEST(RenderHtml, UnkindTextsCannotLeaveTheirPlace) {
  Journal journal = testing::SyntheticJournal();
  const std::string kind = RenderHtml(journal);
  testing::MakeUnkind(journal);
  const std::string html = RenderHtml(journal);
  EXPECT_EQ(Count(html, "<script"), Count(kind, "<script"));
  EXPECT_EQ(Count(html, "</script"), Count(kind, "</script"));
  EXPECT_EQ(Count(html, "<!--"), Count(kind, "<!--"));
  EXPECT_EQ(Count(html, "<img"), 0u);
  EXPECT_THAT(html, Not(HasSubstr("\xE2\x80\xA8"))) << "a line separator";
  const Json data = DataOf(html);
  EXPECT_EQ(data["header"]["name"], testing::kUnkindLabel);
  EXPECT_EQ(data["header"]["config_text"], testing::kUnkindLabel);
  EXPECT_EQ(data["strings"].at(data["cases"][0]["label"].get<std::size_t>()), testing::kUnkindLabel);
}

TEST(RenderHtml, BytesThatAreNoUtf8DoNotStopTheReport) {
  Journal journal = testing::SyntheticJournal();
  journal.records[0].reason = "\xff";
  journal.header.name = "\xff";
  EXPECT_EQ(DataOf(RenderHtml(journal))["header"]["name"], "\xEF\xBF\xBD");
}

TEST(RenderHtml, OpensOffline) {
  const std::string html = RenderHtml(testing::SyntheticJournal());
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, HasSubstr("Chart.js v"));
  EXPECT_THAT(html, Not(HasSubstr("sourceMappingURL")));
  EXPECT_THAT(html, Not(HasSubstr("<link")));
  EXPECT_THAT(html, Not(HasSubstr("<script src")));
  EXPECT_THAT(html, Not(HasSubstr("@@")));
}

TEST(RenderHtml, AThousandCasesStaySmall) {
  testing::SyntheticOptions options;
  options.problems = 34;
  options.samples = 1000;
  const Journal journal = testing::SyntheticJournal(options);
  ASSERT_GE(journal.records.size(), 1000u);
  EXPECT_LT(RenderHtml(journal).size(), 2'000'000u);
}

}  // namespace
}  // namespace assay
