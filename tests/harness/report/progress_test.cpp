#include "harness/report/progress.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "harness/report/progress_line.h"
#include "harness/report/text.h"

namespace assay {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

Record RightCase(const std::string& id) {
  Record record;
  record.id = id;
  record.verdict = Verdict::kRight;
  record.timing = Timing{};
  record.timing->median = 1.234567e-4;
  return record;
}

Record WrongCase(const std::string& id) {
  Record record;
  record.id = id;
  record.verdict = Verdict::kWrong;
  record.reason = "y is\nwrong";
  return record;
}

TEST(ClockTime, ReadsLikeAClock) {
  EXPECT_EQ(ClockTime(0), "0:00");
  EXPECT_EQ(ClockTime(9.4), "0:09");
  EXPECT_EQ(ClockTime(59.6), "1:00");
  EXPECT_EQ(ClockTime(754), "12:34");
  EXPECT_EQ(ClockTime(11045), "3:04:05");
  EXPECT_EQ(ClockTime(-5), "0:00");
  EXPECT_EQ(ClockTime(1e30), "99:59:59");
}

TEST(BarLine, NamesTheCaseAndTheTimeLeft) {
  ProgressState state;
  state.planned = 40;
  EXPECT_EQ(BarLine(state, 80), "[>           ] 0/40  0 %  ?:?? left");
  state.done = 10;
  state.elapsed_seconds = 60;
  state.running = "dsconv/p/fp16/nhwc/tiled";
  EXPECT_EQ(BarLine(state, 80), "[===>        ] 10/40  25 %  3:00 left  dsconv/p/fp16/nhwc/tiled");
  state.done = 40;
  state.running = "";
  EXPECT_EQ(BarLine(state, 80), "[============] 40/40  100 %  0:00 left");
}

TEST(BarLine, FitsAnyWidthAndKeepsTheIdsEnd) {
  ProgressState state;
  state.planned = 1234;
  state.done = 617;
  state.elapsed_seconds = 3600;
  state.running = "dsconv/\xE6\xB7\xB1\xE5\xBA\xA6/n16c64k128h512w512r3p1/fp16/nhwc/warp_shuffle";
  for (int columns = 0; columns < 160; ++columns) {
    const std::string line = BarLine(state, columns);
    EXPECT_LE(DisplayWidth(line), columns);
    EXPECT_EQ(ValidUtf8(line), line);
  }
  EXPECT_THAT(BarLine(state, 60), HasSubstr("...w"));
  EXPECT_TRUE(BarLine(state, 70).ends_with("warp_shuffle"));
}

TEST(BarLine, MoreCasesThanPlannedAreNoCatastrophe) {
  ProgressState state;
  state.planned = 2;
  state.done = 3;
  state.elapsed_seconds = 1;
  EXPECT_THAT(BarLine(state, 80), HasSubstr("3/3  100 %  0:00 left"));
}

TEST(MakeProgress, WritesALineACaseWhereThereIsNoTerminal) {
  char* text = nullptr;
  std::size_t size = 0;
  FILE* out = ::open_memstream(&text, &size);
  ASSERT_NE(out, nullptr);
  {
    const auto progress = MakeProgress(out);
    progress->Begin(120);
    progress->CaseStarted("a");
    progress->CaseEnded(RightCase("a"));
    progress->CaseEnded(WrongCase("b"));
    progress->End();
  }
  std::fclose(out);
  const std::string lines(text, size);
  std::free(text);
  EXPECT_EQ(lines, "[  1/120] right        a  0.1235 ms\n[  2/120] wrong        b: y is wrong\n");
}

// What a program wrote to a pseudo-terminal of 60 columns, read by a thread of its own so that it never
// blocks.
class Terminal {
 public:
  Terminal() {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = 60;
    if (::openpty(&master_, &slave_, nullptr, nullptr, &size) != 0)
      throw std::runtime_error("openpty failed");
    out_ = ::fdopen(slave_, "w");
    reader_ = std::thread([this] {
      char buffer[4096];
      for (ssize_t n = 0; (n = ::read(master_, buffer, sizeof buffer)) > 0;)
        text_.append(buffer, static_cast<std::size_t>(n));
    });
  }
  ~Terminal() {
    if (reader_.joinable()) Finish();
  }

  FILE* out() { return out_; }
  // Closes the terminal; all that was written to it.
  std::string Finish() {
    std::fclose(out_);
    reader_.join();
    ::close(master_);
    return text_;
  }

 private:
  int master_ = -1;
  int slave_ = -1;
  FILE* out_ = nullptr;
  std::string text_;
  std::thread reader_;
};

constexpr const char* kClearLine = "\r\x1b[K";

// The lines that were drawn over each other.
std::vector<std::string> Drawings(const std::string& text) {
  std::vector<std::string> drawings;
  std::size_t at = text.find(kClearLine);
  while (at != std::string::npos) {
    const std::size_t from = at + std::string(kClearLine).size();
    at = text.find(kClearLine, from);
    drawings.push_back(text.substr(from, at == std::string::npos ? at : at - from));
  }
  return drawings;
}

class BarTest : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("TERM", "xterm", 1); }
};

TEST_F(BarTest, DrawsABarThatFitsAndClearsItAtTheEnd) {
  Terminal terminal;
  const auto progress = MakeProgress(terminal.out());
  progress->Begin(3);
  progress->CaseStarted("dsconv/n16c64k128h512w512r3p1/fp16/nhwc/a_very_long_name_of_a_variant");
  std::this_thread::sleep_for(250ms);
  progress->CaseEnded(RightCase("x"));
  progress->End();
  const std::string text = terminal.Finish();
  const auto drawings = Drawings(text);
  ASSERT_GE(drawings.size(), 2u);
  bool named = false;
  for (const std::string& line : drawings) {
    EXPECT_LT(DisplayWidth(line), 60) << line;
    named = named || line.find("a_very_long_name_of_a_variant") != std::string::npos ||
            line.ends_with("of_a_variant");
  }
  EXPECT_TRUE(named);
  EXPECT_TRUE(text.ends_with(kClearLine)) << "the bar is left on the screen";
  EXPECT_THAT(text, Not(HasSubstr("\x1b[?25l")))
      << "a hidden cursor would stay hidden if the program were killed";
}

TEST_F(BarTest, RedrawsAtMostTenTimesASecond) {
  Terminal terminal;
  const auto progress = MakeProgress(terminal.out());
  progress->Begin(1000000);
  const auto start = std::chrono::steady_clock::now();
  int cases = 0;
  while (std::chrono::steady_clock::now() - start < 500ms) {
    progress->CaseStarted("x");
    progress->CaseEnded(RightCase("x"));
    ++cases;
  }
  progress->End();
  const auto elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto drawings = Drawings(terminal.Finish());
  EXPECT_GT(cases, 100);
  EXPECT_GE(drawings.size(), 3u);
  EXPECT_LE(static_cast<double>(drawings.size()), 10 * elapsed + 3);
}

// A drawing happens when the first case ends; the second starts right after it and runs long. Its name must
// appear.
TEST_F(BarTest, ALongCaseNeverRunsUnderAnotherName) {
  Terminal terminal;
  const auto progress = MakeProgress(terminal.out());
  progress->Begin(2);
  progress->CaseStarted("the_first");
  std::this_thread::sleep_for(150ms);
  progress->CaseEnded(RightCase("the_first"));
  progress->CaseStarted("the_second");
  std::this_thread::sleep_for(300ms);
  progress->End();
  const auto drawings = Drawings(terminal.Finish());
  ASSERT_GE(drawings.size(), 3u);
  EXPECT_THAT(drawings[drawings.size() - 2], HasSubstr("the_second"))
      << "the last drawing before the line is cleared";
}

TEST_F(BarTest, FailuresStayOnTheScreenAboveTheBar) {
  Terminal terminal;
  const auto progress = MakeProgress(terminal.out());
  progress->Begin(2);
  progress->CaseEnded(WrongCase("bad"));
  progress->CaseEnded(RightCase("good"));
  progress->End();
  const std::string text = terminal.Finish();
  EXPECT_THAT(text, HasSubstr(std::string(kClearLine) + "[1/2] wrong        bad: y is wrong\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("good"))) << "right cases leave no line";
}

TEST_F(BarTest, ADestructorStopsTheBarToo) {
  Terminal terminal;
  {
    const auto progress = MakeProgress(terminal.out());
    progress->Begin(1);
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_TRUE(terminal.Finish().ends_with(kClearLine));
}

TEST_F(BarTest, ADumbTerminalGetsPlainLines) {
  ::setenv("TERM", "dumb", 1);
  Terminal terminal;
  const auto progress = MakeProgress(terminal.out());
  progress->Begin(1);
  progress->CaseEnded(RightCase("x"));
  progress->End();
  EXPECT_EQ(terminal.Finish(), "[1/1] right        x  0.1235 ms\r\n");
}

}  // namespace
}  // namespace assay
