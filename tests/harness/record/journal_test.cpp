#include "harness/record/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/harness/record/sample_records.h"

namespace assay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "assay-journal-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    path_ = dir_ / "results.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string Contents() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Overwrite(const std::string& contents) const { std::ofstream(path_, std::ios::binary) << contents; }
  // A journal with the header and two records.
  void WriteTwo() const {
    JournalWriter writer(path_, testing::FullHeader());
    writer.Append(testing::FullRecord());
    writer.Append(testing::FullRecord());
  }

  std::filesystem::path dir_;
  std::filesystem::path path_;
};

template <typename Function>
std::string ErrorOf(Function function) {
  try {
    function();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(JournalTest, ResumesUnderAnotherHeaderWithEveryRecord) {
  SweepHeader header = testing::FullHeader();
  {
    JournalWriter writer(path_, header);
    writer.Append(testing::FullRecord());
  }
  Journal wanted = ReadJournal(path_);
  wanted.header.planned_cases = header.planned_cases += 7;
  JournalWriter::Resume(path_, wanted).Append(testing::FullRecord());
  const Journal journal = ReadJournal(path_);
  EXPECT_EQ(journal.header.planned_cases, header.planned_cases);
  EXPECT_EQ(journal.records.size(), 2u);
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".new"));
}

TEST_F(JournalTest, EachRecordIsReadableAsSoonAsAppendReturns) {
  JournalWriter writer(path_, testing::FullHeader());
  EXPECT_EQ(ReadJournal(path_).records.size(), 0u);
  for (std::size_t i = 1; i <= 3; ++i) {
    writer.Append(testing::FullRecord());
    const Journal journal = ReadJournal(path_);
    EXPECT_EQ(journal.records.size(), i);
    EXPECT_FALSE(journal.torn);
  }
  EXPECT_EQ(ReadJournal(path_).header.name, testing::FullHeader().name);
}

TEST_F(JournalTest, AnExistingJournalIsNeverOverwritten) {
  WriteTwo();
  const std::string before = Contents();
  EXPECT_THAT(ErrorOf([&] { JournalWriter(path_, testing::FullHeader()); }),
              AllOf(HasSubstr(path_.string()), HasSubstr("there is a journal already")));
  EXPECT_EQ(Contents(), before);
}

TEST_F(JournalTest, AFolderThatIsMissingIsNamed) {
  const auto path = dir_ / "absent" / "results.jsonl";
  EXPECT_EQ(ErrorOf([&] { JournalWriter(path, testing::FullHeader()); }),
            path.string() + ": cannot create the journal: No such file or directory");
}

TEST_F(JournalTest, AFullDiskIsReported) {
  EXPECT_EQ(ErrorOf([] { JournalWriter("/dev/full", testing::FullHeader()); }),
            "/dev/full: cannot write the journal: No space left on device");
}

// The disk fills up in the middle of a record: here as a limit on the file's size.
TEST_F(JournalTest, ADiskThatFillsUpIsReportedAndTheJournalStaysWhole) {
  JournalWriter writer(path_, testing::FullHeader());
  writer.Append(testing::FullRecord());
  const auto whole = std::filesystem::file_size(path_);

  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = old_limit;
  limit.rlim_cur = whole + 100;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const std::string error = ErrorOf([&] { writer.Append(testing::FullRecord()); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  ::signal(SIGXFSZ, old_handler);

  EXPECT_EQ(error, path_.string() + ": cannot write the journal: File too large");
  EXPECT_EQ(std::filesystem::file_size(path_), whole) << "the part of a line was not taken back";
  writer.Append(testing::FullRecord());
  EXPECT_EQ(ReadJournal(path_).records.size(), 2u);
}

TEST_F(JournalTest, ATornLastLineIsLeftOutWhereverItWasCut) {
  WriteTwo();
  const std::string whole = Contents();
  const std::size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
  for (std::size_t size = last_line + 1; size < whole.size(); size += 7) {
    Overwrite(whole.substr(0, size));
    const Journal journal = ReadJournal(path_);
    EXPECT_TRUE(journal.torn) << size;
    EXPECT_EQ(journal.records.size(), 1u) << size;
  }
}

TEST_F(JournalTest, ABrokenLineInTheMiddleIsAnErrorWithItsNumber) {
  WriteTwo();
  std::string contents = Contents();
  contents[contents.find('\n') + 1] = '!';
  Overwrite(contents);
  EXPECT_THAT(ErrorOf([&] { ReadJournal(path_); }), HasSubstr(path_.string() + ":2: not JSON at byte 1"));
}

TEST_F(JournalTest, ABrokenLastLineThatWasWrittenWholeIsAnError) {
  WriteTwo();
  Overwrite(Contents() + "{\"id\":\"x\"}\n");
  EXPECT_THAT(ErrorOf([&] { ReadJournal(path_); }), HasSubstr(":4: the record has no \"op\""));
}

TEST_F(JournalTest, WithoutAHeaderThereIsNothingToRead) {
  Overwrite("");
  EXPECT_EQ(ErrorOf([&] { ReadJournal(path_); }), path_.string() + ":1: the journal is empty");
  Overwrite("{\"schema\":1");
  EXPECT_THAT(ErrorOf([&] { ReadJournal(path_); }), HasSubstr(":1: the header is cut short"));
  EXPECT_THAT(ErrorOf([&] { ReadJournal(dir_ / "none"); }), HasSubstr("No such file or directory"));
  EXPECT_THAT(ErrorOf([&] { ReadJournal(dir_); }), HasSubstr(dir_.string()));
}

TEST_F(JournalTest, ResumeCutsTheTornLineOffAndGoesOn) {
  WriteTwo();
  const std::string whole = Contents();
  Overwrite(whole.substr(0, whole.size() - 10));
  {
    JournalWriter writer = JournalWriter::Resume(path_);
    writer.Append(testing::FullRecord());
  }
  EXPECT_EQ(Contents(), whole);
  JournalWriter::Resume(path_).Append(testing::FullRecord());
  EXPECT_EQ(ReadJournal(path_).records.size(), 3u);
}

TEST_F(JournalTest, ResumeRefusesWhatIsNoJournal) {
  Overwrite("precious notes\nof somebody");
  EXPECT_THAT(ErrorOf([&] { JournalWriter::Resume(path_); }), HasSubstr(":1: not JSON"));
  EXPECT_EQ(Contents(), "precious notes\nof somebody");
}

}  // namespace
}  // namespace assay
