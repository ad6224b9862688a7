#include "harness/report/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

#include "harness/report/progress_line.h"
#include "harness/report/text.h"

namespace assay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
constexpr auto kRefreshEvery =
    std::chrono::seconds(1);  // so that the time left goes on while a long case runs
constexpr int kDefaultColumns = 80;
constexpr const char* kClearLine = "\r\x1b[K";

class PlainProgress : public Progress {
 public:
  explicit PlainProgress(std::FILE* out) : out_(out) {}

  void Begin(int planned_cases) override { planned_ = planned_cases; }
  void CaseStarted(const std::string&) override {}
  void CaseEnded(const Record& record) override {
    std::fputs((CaseLine(record, ++done_, planned_) + "\n").c_str(), out_);
    std::fflush(out_);
  }
  void End() override {}

 private:
  std::FILE* out_;
  int planned_ = 0;
  int done_ = 0;
};

// Events only note what is so; a thread draws it at most ten times a second. Without the thread, a long case
// that starts right after a drawing would run under its predecessor's name. The cursor is never hidden, so
// that nothing has to be put back if the program is killed.
class BarProgress : public Progress {
 public:
  explicit BarProgress(std::FILE* out) : out_(out) {}
  ~BarProgress() override { Stop(); }

  void Begin(int planned_cases) override {
    Stop();
    state_ = ProgressState();
    state_.planned = planned_cases;
    started_ = Clock::now();
    stopping_ = false;
    dirty_ = true;
    drawer_ = std::thread([this] { DrawUntilStopped(); });
  }

  void CaseStarted(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    state_.running = id;
    dirty_ = true;
  }

  void CaseEnded(const Record& record) override {
    const std::lock_guard lock(mutex_);
    ++state_.done;
    state_.running.clear();
    dirty_ = true;
    if (!CountsAsFailure(record)) return;
    // Bad news stays on the screen, above the bar.
    std::fputs((kClearLine + CaseLine(record, state_.done, state_.planned) + "\n").c_str(), out_);
    std::fflush(out_);
  }

  void End() override { Stop(); }

 private:
  void DrawUntilStopped() {
    std::unique_lock lock(mutex_);
    Clock::time_point drawn = Clock::now() - kRefreshEvery;
    while (!stopping_) {
      if (dirty_ || Clock::now() - drawn >= kRefreshEvery) {
        Draw();
        drawn = Clock::now();
        dirty_ = false;
      }
      wake_.wait_for(lock, kRedrawEvery, [this] { return stopping_; });
    }
  }

  void Draw() {
    state_.elapsed_seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    // The last column stays free: some terminals wrap as soon as it is written.
    std::fputs((kClearLine + BarLine(state_, Columns() - 1)).c_str(), out_);
    std::fflush(out_);
  }

  int Columns() const {
    winsize size{};
    if (::ioctl(::fileno(out_), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
    return size.ws_col;
  }

  void Stop() {
    if (!drawer_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    drawer_.join();
    std::fputs(kClearLine, out_);
    std::fflush(out_);
  }

  std::FILE* out_;
  std::mutex mutex_;  // guards the rest, and the order of what is written
  std::condition_variable wake_;
  ProgressState state_;
  Clock::time_point started_;
  bool dirty_ = false;
  bool stopping_ = false;
  std::thread drawer_;
};

bool IsTerminal(std::FILE* out) {
  const int fd = ::fileno(out);
  if (fd < 0 || ::isatty(fd) == 0) return false;
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view(term) != "dumb";  // a dumb terminal cannot clear a line
}

}  // namespace

std::unique_ptr<Progress> MakeProgress(std::FILE* out) {
  if (IsTerminal(out)) return std::make_unique<BarProgress>(out);
  return std::make_unique<PlainProgress>(out);
}

}  // namespace assay
