// Opens reports in a headless Chromium and looks at the page that its scripts made. Skipped where there is no
// Chromium, except in continuous integration (CI=true), where that is a failure.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "harness/report/analysis.h"
#include "harness/report/report.h"
#include "tests/harness/report/synthetic.h"
#include "tests/harness/report/unkind.h"
#include "tests/harness/report/untrusted.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The path of a Chromium, or empty.
std::string FindBrowser() {
  if (const char* named = std::getenv("ASSAY_CHROMIUM")) return named;
  const char* path = std::getenv("PATH");
  std::string folders = path ? path : "";
  folders += ':';
  for (const char* name : {"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}) {
    for (std::size_t from = 0, to = 0; (to = folders.find(':', from)) != std::string::npos; from = to + 1) {
      const fs::path candidate = fs::path(folders.substr(from, to - from)) / name;
      if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
  }
  return "";
}

class BrowserTest : public ::testing::Test {
 protected:
  void SetUp() override {
    browser_ = FindBrowser();
    if (browser_.empty()) {
      const char* ci = std::getenv("CI");
      if (ci && std::string(ci) == "true") FAIL() << "no chromium was found, and CI=true asks for it";
      GTEST_SKIP() << "no chromium was found";
    }
    std::string name = (fs::temp_directory_path() / "assay-browser-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    if (!dir_.empty()) fs::remove_all(dir_);
  }

  // The page of a journal after its scripts have run. `hash` is the address's part from '#'; `script` runs
  // last.
  std::string Open(const Journal& journal, const std::string& hash = "",
                   const std::string& script = "") const {
    std::string html = RenderHtml(journal);
    if (!script.empty()) html.insert(html.rfind("</body>"), "<script>" + script + "</script>");
    const fs::path page = dir_ / "report.html";
    std::ofstream(page, std::ios::binary) << html;
    return OpenPage(page, hash);
  }

  std::string OpenPage(const fs::path& page, const std::string& hash = "") const {
    const std::string command = "timeout 100 '" + browser_ +
                                "' --headless --no-sandbox --disable-gpu --disable-dev-shm-usage "
                                "--no-first-run --window-size=1400,2000"
                                " --virtual-time-budget=20000 --user-data-dir='" +
                                (dir_ / "profile").string() + "' --dump-dom 'file://" + page.string() + hash +
                                "' 2>'" + (dir_ / "errors").string() + "'";
    FILE* pipe = ::popen(command.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    std::string dom;
    char buffer[65536];
    for (std::size_t n = 0; (n = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;) dom.append(buffer, n);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    return dom;
  }

  std::string browser_;
  fs::path dir_;
};

// 300 cases, as a sweep of a GPU or of the host device would give them.
Journal ThreeHundred(bool timed = true) {
  testing::SyntheticOptions options;
  options.problems = 10;
  options.timed = timed;
  return testing::SyntheticJournal(options);
}

// An attribute of the root element; "absent" if it is not there.
std::string RootData(const std::string& dom, const std::string& name) {
  const std::string root = dom.substr(0, dom.find("<head>"));
  const std::string key = "data-" + name + "=\"";
  const std::size_t at = root.find(key);
  if (at == std::string::npos) return "absent";
  const std::size_t from = at + key.size();
  return root.substr(from, root.find('"', from) - from);
}

// The cases whose rows stand in the table, in its order, by their places in the journal.
std::vector<std::size_t> TableRows(const std::string& dom) {
  std::vector<std::size_t> rows;
  const std::string mark = "<tr class=\"row";
  for (std::size_t at = dom.find(mark); at != std::string::npos; at = dom.find(mark, at + 1)) {
    const std::string key = "data-case=\"";
    rows.push_back(std::stoul(dom.substr(dom.find(key, at) + key.size(), 10)));
  }
  return rows;
}

// Enough for all variants of an operator, and no two alike.
TEST_F(BrowserTest, KernelsHaveColoursOfTheirOwn) {
  const std::string dom =
      Open(ThreeHundred(), "",
           "const styles = getComputedStyle(document.documentElement), found = [];"
           "while (styles.getPropertyValue('--v' + found.length)) {"
           " found.push(styles.getPropertyValue('--v' + found.length)); }"
           "document.documentElement.dataset.colours = new Set(found).size + ' of ' + found.length;");
  EXPECT_EQ(RootData(dom, "colours"), "18 of 18");
}

TEST_F(BrowserTest, DrawsChartsTableAndWrongCasesFirst) {
  const Journal journal = ThreeHundred();
  const Analysis analysis = Analyse(journal);
  ASSERT_EQ(journal.records.size(), 300u);
  const std::string dom = Open(journal);
  EXPECT_EQ(RootData(dom, "ready"), "true");
  EXPECT_EQ(RootData(dom, "js-errors"), "0") << RootData(dom, "js-error-text");
  EXPECT_EQ(RootData(dom, "cases"), "300");
  EXPECT_EQ(RootData(dom, "rows"), "300");
  EXPECT_EQ(RootData(dom, "charts-drawn"), "2");
  EXPECT_GT(std::stoi(RootData(dom, "speedup-marks")), 30);
  const auto timed =
      std::count_if(analysis.cases.begin(), analysis.cases.end(), [](const auto& c) { return c.timed; });
  EXPECT_EQ(RootData(dom, "roofline-marks"), std::to_string(timed));
  EXPECT_EQ(RootData(dom, "failures"), std::to_string(analysis.failures.size()));

  EXPECT_EQ(TableRows(dom).size(), 300u);
  const std::size_t cards = dom.find("<article class=\"card\"");
  ASSERT_NE(cards, std::string::npos);
  EXPECT_LT(cards, dom.find("id=\"speedups\"")) << "wrong cases stand before the charts";
  EXPECT_THAT(dom.substr(cards, 300), HasSubstr("wrong"));
  EXPECT_THAT(dom, HasSubstr("y[n=3 k=17 h=0 w=55]"));
  EXPECT_THAT(dom, HasSubstr("--filter '^" + journal.records[analysis.failures[0]].id + "$'"));
  EXPECT_EQ(TableRows(dom)[0], *std::min_element(analysis.failures.begin(), analysis.failures.end()));
}

TEST_F(BrowserTest, NamesOfCeilingsDoNotCoverEachOther) {
  Journal journal = ThreeHundred();
  journal.header.ceilings->tensor_fp16_flops = 921e12;
  journal.header.ceilings->tensor_bf16_flops = 857e12;
  std::istringstream places(RootData(Open(journal), "roof-names-at"));
  std::vector<int> at{std::istream_iterator<int>(places), {}};
  ASSERT_GE(at.size(), 3u);
  std::sort(at.begin(), at.end());
  for (std::size_t i = 1; i < at.size(); ++i) EXPECT_GE(at[i] - at[i - 1], 12) << "pixels, a name's height";
}

TEST_F(BrowserTest, TheAddressFiltersAndSorts) {
  const Journal journal = ThreeHundred();
  const Analysis analysis = Analyse(journal);
  const std::string dom = Open(journal, "#variant=tiled&dtype=fp16&sort=median");
  std::vector<std::size_t> expected;
  std::vector<std::size_t> without_time;
  for (std::size_t i = 0; i < journal.records.size(); ++i) {
    if (journal.records[i].variant != "tiled" || journal.records[i].dtype != "fp16") continue;
    (analysis.cases[i].timed ? expected : without_time).push_back(i);
  }
  ASSERT_FALSE(without_time.empty()) << "the test should see where cases without a time go";
  std::stable_sort(expected.begin(), expected.end(), [&](std::size_t a, std::size_t b) {
    return analysis.cases[a].median < analysis.cases[b].median;
  });
  expected.insert(expected.end(), without_time.begin(), without_time.end());
  EXPECT_EQ(TableRows(dom), expected);
  EXPECT_EQ(RootData(dom, "js-errors"), "0");
  EXPECT_THAT(dom, HasSubstr("aria-sort=\"ascending\""));
}

TEST_F(BrowserTest, DescendingAndSearching) {
  const Journal journal = ThreeHundred();
  const Analysis analysis = Analyse(journal);
  const std::string dom = Open(journal, "#q=mobilenetv2+nhwc/tiled&sort=-ratio");
  const auto rows = TableRows(dom);
  ASSERT_EQ(rows.size(), 12u) << "4 layers, 3 dtypes";
  double last = 1e300;
  for (std::size_t row : rows) {
    EXPECT_EQ(journal.records[row].layout, "nhwc");
    EXPECT_TRUE(journal.records[row].label.starts_with("MobileNetV2"));
    const double ratio = analysis.cases[row].Strongest() ? analysis.cases[row].Strongest()->speedup.value : 0;
    EXPECT_LE(ratio, last);
    last = ratio;
  }
}

TEST_F(BrowserTest, ClicksSortFilterAndOpenDetails) {
  const Journal journal = ThreeHundred();
  const std::string dom = Open(journal, "", R"(
    const get = (query) => document.querySelector(query);
    const choose = (name, value) => {
      const box = get(`#filters select[name=${name}]`);
      box.value = value;
      box.dispatchEvent(new Event("change"));
    };
    choose("network", "MobileNetV2");
    document.title = "first " + document.documentElement.dataset.rows;
    get("#clear").click();
    choose("layout", "nhwc");
    choose("variant", "cudnn");
    get("th[data-key=tflops] button").click();
    get("tr.row td.name button").click();
  )");
  EXPECT_EQ(RootData(dom, "js-errors"), "0") << RootData(dom, "js-error-text");
  EXPECT_THAT(dom, HasSubstr("<title>first 120</title>")) << "4 layers";
  const auto rows = TableRows(dom);
  ASSERT_EQ(rows.size(), 30u);
  const Analysis analysis = Analyse(journal);
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
    return analysis.cases[a].flops_per_second > analysis.cases[b].flops_per_second;
  }));
  EXPECT_THAT(dom, HasSubstr("aria-sort=\"descending\""));
  EXPECT_EQ(RootData(dom, "open-case"), journal.records[rows[0]].id);
  EXPECT_THAT(dom, HasSubstr("aria-expanded=\"true\""));
  const std::string details = dom.substr(dom.find("<tr class=\"detail\">"));
  EXPECT_THAT(details, HasSubstr("outputs of the timed launches judged again"));
  EXPECT_THAT(details, HasSubstr("engine 34, NHWC, 2 plans"));
  EXPECT_THAT(details, HasSubstr("<canvas"));
}

TEST_F(BrowserTest, AnUntrustedCaseHasACardATileAndAFilter) {
  Journal journal = testing::SyntheticJournal({.problems = 1, .with_failures = false});
  testing::MakeUntrusted(journal.records[5]);
  const std::string dom = Open(journal, "#verdict=untrusted");
  EXPECT_EQ(RootData(dom, "js-errors"), "0") << RootData(dom, "js-error-text");
  EXPECT_EQ(RootData(dom, "failures"), "1");
  EXPECT_THAT(dom, HasSubstr("<b>1</b><span>untrusted</span>"));
  EXPECT_THAT(dom, Not(HasSubstr("No case is wrong: 29")));
  const std::size_t card = dom.find("<article class=\"card\"");
  ASSERT_NE(card, std::string::npos);
  EXPECT_THAT(dom.substr(card, dom.find("</article>", card) - card),
              AllOf(HasSubstr(">untrusted</span>"), HasSubstr(testing::kWhyUntrusted),
                    HasSubstr(journal.records[5].id)));
  EXPECT_EQ(TableRows(dom), std::vector<std::size_t>{5});
}

TEST_F(BrowserTest, DetailsShowWhatAPackPrintedAsText) {
  Journal journal = ThreeHundred();
  journal.records[2].printed = "tile 16 & <img src=x onerror=window.onerror('x')>\n  at block 3\n";
  const std::string dom = Open(journal, "#case=" + journal.records[2].id);
  EXPECT_EQ(RootData(dom, "js-errors"), "0") << RootData(dom, "js-error-text");
  ASSERT_EQ(RootData(dom, "open-case"), journal.records[2].id);
  const std::string details = dom.substr(dom.find("<tr class=\"detail\">"));
  EXPECT_THAT(details, HasSubstr("<pre class=\"printed\">tile 16 &amp; &lt;img src=x "
                                 "onerror=window.onerror('x')&gt;\n  at block 3\n</pre>"));
  EXPECT_THAT(Open(journal, "#case=" + journal.records[3].id), Not(HasSubstr("class=\"printed\"")));
}

TEST_F(BrowserTest, WithoutTimesThereAreNoChartsAndNoEmptyColumns) {
  Journal journal = ThreeHundred(false);
  journal.header.notices = {"4 of 4 <huge> problems are left out."};
  const std::string dom = Open(journal);
  EXPECT_THAT(dom, HasSubstr("<p class=\"note warn\">4 of 4 &lt;huge&gt; problems are left out.</p>"));
  EXPECT_EQ(RootData(dom, "ready"), "true");
  EXPECT_EQ(RootData(dom, "js-errors"), "0") << RootData(dom, "js-error-text");
  EXPECT_EQ(RootData(dom, "charts-drawn"), "0");
  EXPECT_EQ(TableRows(dom).size(), 300u);
  EXPECT_THAT(dom, HasSubstr("No times in this report: " + journal.header.untimed_reason));
  for (const char* key : {"median", "ratio", "gbs", "tflops", "share"}) {
    EXPECT_THAT(dom, Not(HasSubstr("data-key=\"" + std::string(key)))) << key;
  }
  EXPECT_THAT(dom, HasSubstr("data-key=\"error\""));
  EXPECT_THAT(dom, HasSubstr("1 case unavailable. </b>unavailable: libcudnn.so.9 was not found"));
}

TEST_F(BrowserTest, UnkindTextsAreShownAsText) {
  Journal journal = ThreeHundred();
  testing::MakeUnkind(journal);
  const std::string dom = Open(journal, "#case=nothing&sort=nonsense&dtype=<b>");
  EXPECT_EQ(RootData(dom, "ready"), "true");
  EXPECT_EQ(RootData(dom, "js-errors"), "0") << RootData(dom, "js-error-text");
  EXPECT_EQ(RootData(dom, "rows"), "0") << "no case has that dtype";
  EXPECT_THAT(dom, Not(HasSubstr("<img")));
  EXPECT_THAT(dom, HasSubstr("&lt;img src=x onerror="));
}

TEST_F(BrowserTest, AllRightSaysSo) {
  testing::SyntheticOptions options;
  options.problems = 1;
  options.with_failures = false;
  const std::string dom = Open(testing::SyntheticJournal(options));
  EXPECT_EQ(RootData(dom, "failures"), "0");
  EXPECT_THAT(dom, HasSubstr("No case is wrong: 30 cases were judged right."));
  EXPECT_THAT(dom, Not(HasSubstr("<article")));
}

TEST_F(BrowserTest, AnEmptyJournalStillOpens) {
  Journal journal;
  journal.header.name = "empty";
  journal.header.timed = true;
  journal.header.planned_cases = 3;
  const std::string dom = Open(journal);
  EXPECT_EQ(RootData(dom, "js-errors"), "0") << RootData(dom, "js-error-text");
  EXPECT_THAT(dom, HasSubstr("The sweep did not end: 3 cases of 3 planned did not run."));
}

TEST_F(BrowserTest, TwoThousandCasesAreDrawnAPartAtATime) {
  testing::SyntheticOptions options;
  options.problems = 67;
  const Journal journal = testing::SyntheticJournal(options);
  ASSERT_GT(journal.records.size(), 2000u);
  const std::string dom = Open(journal, "", R"(
    document.querySelector("th[data-key=variant] button").click();
  )");
  EXPECT_EQ(RootData(dom, "rows"), std::to_string(journal.records.size()));
  EXPECT_EQ(RootData(dom, "rows-drawn"), "400") << "the rest is added as it is scrolled to";
  EXPECT_EQ(RootData(dom, "charts-drawn"), "2");
}

// The checks above rest on data-js-errors: it must count.
TEST_F(BrowserTest, PublishedReportsOpen) {
  int opened = 0;
  for (const fs::directory_entry& folder : fs::directory_iterator(ASSAY_PUBLISHED_REPORTS)) {
    if (!folder.is_directory()) continue;
    const Journal journal = ReadJournal(folder.path() / "results.jsonl");
    const std::string dom = OpenPage(folder.path() / "report.html");
    EXPECT_EQ(RootData(dom, "js-errors"), "0") << folder.path();
    EXPECT_EQ(RootData(dom, "rows"), std::to_string(journal.records.size())) << folder.path();
    EXPECT_EQ(RootData(dom, "charts-drawn"), "2") << folder.path();
    ++opened;
  }
  EXPECT_GT(opened, 0);
}

TEST_F(BrowserTest, ErrorsOfScriptsAreCounted) {
  testing::SyntheticOptions options;
  options.problems = 1;
  EXPECT_EQ(RootData(Open(testing::SyntheticJournal(options), "", "thereIsNoSuchFunction()"), "js-errors"),
            "1");
}

}  // namespace
}  // namespace assay
