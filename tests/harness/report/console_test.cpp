#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "fmt/core.h"
#include "harness/report/report.h"
#include "harness/report/text.h"
#include "tests/harness/report/synthetic.h"
#include "tests/harness/report/unkind.h"
#include "tests/harness/report/untrusted.h"

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Journal Small(bool timed = true) {
  testing::SyntheticOptions options;
  options.problems = 2;
  options.timed = timed;
  return testing::SyntheticJournal(options);
}

TEST(RenderConsole, IsNeverWiderThanTheTerminal) {
  Journal unkind = Small();
  testing::MakeUnkind(unkind);
  for (Record& record : unkind.records)
    record.reproduce = "build/assay run /a/very/long/path/without/any/space --x 'q'";
  // The synthetic cases' commands hold quoted ids of about 60 columns, which are never broken.
  const std::pair<Journal, int> kinds[] = {{Small(), 70}, {Small(false), 70}, {unkind, 20}};
  for (const auto& [journal, narrowest] : kinds) {
    for (int width = narrowest; width <= 200; width += width < 110 ? 7 : 30) {
      std::istringstream lines(RenderConsole(journal, width, "reports/quick-2025-01-02"));
      for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), width) << line;
    }
  }
}

TEST(RenderConsole, WrongCasesComeFirstWithTheirCommand) {
  const Journal journal = Small();
  const std::string text = RenderConsole(journal, 0);
  EXPECT_EQ(text.find("WRONG dsconv/n128c32k64h112w112r3p1/fp32/nhwc/warp_shuffle\n"), 0u);
  EXPECT_THAT(text, HasSubstr("    " + journal.records[7].reproduce + "\n"));
  EXPECT_LT(text.find("WRONG"), text.find("FAILED"));
  EXPECT_LT(text.find("FAILED"), text.find("median us"));
}

TEST(RenderConsole, AnUntrustedCaseIsShownAsAFailureWithoutAStep) {
  Journal journal = testing::SyntheticJournal({.problems = 1, .with_failures = false});
  Record& record = journal.records[4];
  testing::MakeUntrusted(record);
  const std::string text = RenderConsole(journal, 0);
  EXPECT_EQ(text.find(fmt::format("UNTRUSTED {}\n    {}\n    {}\n\n", record.id, testing::kWhyUntrusted,
                                  record.reproduce)),
            0u)
      << text;
  EXPECT_THAT(text, HasSubstr("30 cases: 29 right, 1 untrusted\n"));
}

TEST(RenderConsole, TotalsMeansAndPlaces) {
  const std::string text = RenderConsole(Small(), 120, "reports/quick-2025-01-02");
  EXPECT_THAT(text, HasSubstr("60 cases: 58 right, 1 wrong, 1 failed\n"));
  EXPECT_THAT(text, HasSubstr("geom. mean"));
  EXPECT_THAT(text, HasSubstr("dsconv fp16 nhwc tiled"));
  EXPECT_THAT(text, HasSubstr("Reports: reports/quick-2025-01-02/report.html, results.csv, junit.xml\n"));
  EXPECT_THAT(RenderConsole(Small(), 120), Not(HasSubstr("Reports:")));
}

TEST(RenderConsole, WithoutTimesItSaysWhy) {
  const Journal journal = Small(false);
  const std::string text = RenderConsole(journal, 0);
  EXPECT_THAT(text, HasSubstr("No times: " + journal.header.untimed_reason));
  EXPECT_THAT(text, Not(HasSubstr("median")));
  EXPECT_THAT(text, Not(HasSubstr("GB/s")));
}

TEST(RenderConsole, SaysWhatTheSweepLeavesOut) {
  Journal journal = Small();
  journal.header.notices = {"4 of 4 huge problems are left out."};
  EXPECT_THAT(RenderConsole(journal, 0), HasSubstr("4 of 4 huge problems are left out.\n60 cases:"));
}

TEST(RenderConsole, ManyCasesDoNotFloodTheScreen) {
  Journal journal = testing::SyntheticJournal();
  for (Record& record : journal.records) record.verdict = Verdict::kFailed;
  const std::string text = RenderConsole(journal, 100);
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 200);
  EXPECT_THAT(text, HasSubstr("... and 130 more: see results.csv"));
}

TEST(RenderConsole, SaysWhyCasesWereNotRun) {
  Journal journal = Small();
  for (std::size_t i = 0; i < 9; ++i) {
    journal.records[i].verdict = i < 3 ? Verdict::kUnsupported : Verdict::kUnavailable;
    journal.records[i].variant = "v";
    journal.records[i].reason = i < 3 ? "c is odd" : "no driver";
  }
  EXPECT_THAT(RenderConsole(journal, 0),
              HasSubstr("6 unavailable v: no driver\n3 unsupported v: c is odd\n60 cases:"));
}

TEST(RenderConsole, AnInterruptedSweepIsNoted) {
  Journal journal = Small();
  journal.records.resize(10);
  EXPECT_THAT(RenderConsole(journal, 0), HasSubstr("50 of 60 planned did not run"));
}

// A command that was broken over lines must mean the same to a shell.
TEST(RenderConsole, BrokenCommandsCanBePasted) {
  Journal journal = Small();
  journal.records.resize(8);
  Record& record = journal.records[7];
  ASSERT_EQ(record.verdict, Verdict::kWrong);
  const std::string word(90, 'x');
  record.reproduce = "printf %s\\\\n one 'two  words' " + word + " '^a$' last";
  for (int width : {30, 47, 80}) {
    const std::string text = RenderConsole(journal, width);
    const std::string start = text.substr(text.find("printf"));
    const std::string command = start.substr(0, start.find("\n\n"));
    FILE* pipe = ::popen(command.c_str(), "r");
    ASSERT_NE(pipe, nullptr);
    std::string output(4096, '\0');
    output.resize(::fread(output.data(), 1, output.size(), pipe));
    EXPECT_EQ(::pclose(pipe), 0);
    EXPECT_EQ(output, "one\ntwo  words\n" + word + "\n^a$\nlast\n") << command;
  }
}

}  // namespace
}  // namespace assay
