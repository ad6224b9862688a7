#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "harness/report/report.h"
#include "tests/harness/report/parse.h"
#include "tests/harness/report/synthetic.h"
#include "tests/harness/report/unkind.h"
#include "tests/harness/report/untrusted.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using testing::ParseXml;
using testing::XmlElement;

TEST(RenderJunit, EveryCaseIsATestWithItsOutcome) {
  Journal journal = testing::SyntheticJournal();
  journal.records[69].named = true;  // an unsupported one, by name
  journal.records[69].baseline = false;
  ASSERT_EQ(journal.records[69].verdict, Verdict::kUnsupported);
  const XmlElement root = ParseXml(RenderJunit(journal));
  EXPECT_EQ(root.name, "testsuites");
  EXPECT_EQ(root["tests"], std::to_string(journal.records.size()));

  std::map<std::string, const XmlElement*> tests;
  for (const XmlElement& suite : root.children) {
    EXPECT_EQ(suite["tests"], std::to_string(suite.children.size()));
    for (const XmlElement& test : suite.children) {
      EXPECT_EQ(test["classname"], suite["name"]);
      tests[test["name"]] = &test;
    }
  }
  EXPECT_EQ(root.children.size(), 6u) << "three dtypes, two layouts";
  ASSERT_EQ(tests.size(), journal.records.size());
  int failures = 0, errors = 0, skipped = 0;
  for (const Record& record : journal.records) {
    const XmlElement& test = *tests.at(record.id);
    EXPECT_NEAR(std::stod(test["time"]), record.case_seconds, 1e-6);
    if (record.verdict == Verdict::kRight) {
      EXPECT_TRUE(test.children.empty());
      continue;
    }
    ASSERT_EQ(test.children.size(), 1u);
    const XmlElement& outcome = test.children[0];
    const bool fails =
        record.verdict == Verdict::kWrong || (record.verdict == Verdict::kUnsupported && record.named);
    EXPECT_EQ(outcome.name, fails ? "failure" : record.verdict == Verdict::kFailed ? "error" : "skipped");
    EXPECT_THAT(outcome["message"], HasSubstr(record.reason));
    EXPECT_EQ(outcome.text.find("reproduce: " + record.reproduce) != std::string::npos,
              outcome.name != "skipped");
    failures += outcome.name == "failure";
    errors += outcome.name == "error";
    skipped += outcome.name == "skipped";
  }
  EXPECT_EQ(root["failures"], std::to_string(failures));
  EXPECT_EQ(root["errors"], std::to_string(errors));
  EXPECT_EQ(root["skipped"], std::to_string(skipped));
  EXPECT_GT(failures, 1);
  EXPECT_GT(errors, 0);
  EXPECT_GT(skipped, 0);
}

TEST(RenderJunit, AnUntrustedCaseIsAFailureAndNoError) {
  Journal journal = testing::SyntheticJournal({.problems = 1, .with_failures = false});
  testing::MakeUntrusted(journal.records[0]);
  const XmlElement root = ParseXml(RenderJunit(journal));
  EXPECT_EQ(root["failures"], "1");
  EXPECT_EQ(root["errors"], "0");
  EXPECT_EQ(root["skipped"], "0");
  EXPECT_EQ(root.children.at(0)["failures"], "1");
  const XmlElement& outcome = root.children.at(0).children.at(0).children.at(0);
  EXPECT_EQ(outcome.name, "failure");
  EXPECT_EQ(outcome["type"], "untrusted");
  EXPECT_EQ(outcome["message"], testing::kWhyUntrusted);
  EXPECT_THAT(outcome.text, HasSubstr("reproduce: " + journal.records[0].reproduce));
}

TEST(RenderJunit, AFailureTellsTheElement) {
  Journal journal = testing::SyntheticJournal();
  const std::string xml = RenderJunit(journal);
  EXPECT_THAT(
      xml, HasSubstr("first wrong element: y[n=3 k=17 h=0 w=55] is 0.125, expected 0.375 (within 0.00049)"));
  EXPECT_THAT(xml, HasSubstr("wrong elements: 1792 of 12845056, seed 2"));
}

TEST(RenderJunit, UnkindTextsStayWellFormed) {
  Journal journal = testing::SyntheticJournal();
  testing::MakeUnkind(journal);
  journal.records[7].reason += "\x1b[0m \xff ]]>";
  const XmlElement root = ParseXml(RenderJunit(journal));
  std::string name = testing::kUnkindLabel;
  name.replace(name.find('\x01'), 1, "\xEF\xBF\xBD");
  EXPECT_EQ(root["name"], name);
}

TEST(RenderJunit, NoCasesAreWellFormedToo) { EXPECT_EQ(ParseXml(RenderJunit(Journal{}))["tests"], "0"); }

}  // namespace
}  // namespace assay
