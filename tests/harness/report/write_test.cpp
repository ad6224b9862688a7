#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "harness/report/report.h"
#include "tests/harness/report/synthetic.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class WriteReportsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "assay-report-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_)) names.push_back(entry.path().filename());
    return names;
  }
  static std::string Contents(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path dir_;
};

TEST_F(WriteReportsTest, WritesWhatIsRenderedAndNothingElse) {
  const Journal journal = testing::SyntheticJournal();
  std::ofstream(dir_ / "results.csv") << "of an earlier sweep, and longer than nothing";
  WriteReports(dir_, journal);
  EXPECT_THAT(Files(), UnorderedElementsAre("results.csv", "report.html", "junit.xml"));
  EXPECT_EQ(Contents(dir_ / "results.csv"), RenderCsv(journal));
  EXPECT_EQ(Contents(dir_ / "report.html"), RenderHtml(journal));
  EXPECT_EQ(Contents(dir_ / "junit.xml"), RenderJunit(journal));
}

TEST_F(WriteReportsTest, AMissingFolderIsNamed) {
  try {
    WriteReports(dir_ / "absent", testing::SyntheticJournal());
    FAIL() << "wrote into a folder that is not there";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()), (dir_ / "absent" / "results.csv").string() +
                                             ": cannot write the report: No such file or directory");
  }
}

// The disk fills up: here as a limit on a file's size.
TEST_F(WriteReportsTest, AFullDiskLeavesTheOldReportAndNoHalves) {
  std::ofstream(dir_ / "results.csv") << "old";
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = old_limit;
  limit.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::string message;
  try {
    WriteReports(dir_, testing::SyntheticJournal());
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(message,
              HasSubstr((dir_ / "results.csv").string() + ": cannot write the report: File too large"));
  EXPECT_THAT(Files(), UnorderedElementsAre("results.csv"));
  EXPECT_EQ(Contents(dir_ / "results.csv"), "old");
}

}  // namespace
}  // namespace assay
