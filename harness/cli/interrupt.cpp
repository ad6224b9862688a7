#include "harness/cli/interrupt.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <utility>

namespace assay {
namespace {

sigset_t Interrupts() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// The command again, going on with this folder.
std::string ResumeCommand(const std::string& command_line, const std::filesystem::path& dir) {
  std::string command = command_line;
  if (command.find("--out") == std::string::npos) command += " --out " + dir.string();
  if (command.find("--resume") == std::string::npos) command += " --resume";
  return command;
}

}  // namespace

RunInterrupt::RunInterrupt() {
  const sigset_t interrupts = Interrupts();
  pthread_sigmask(SIG_BLOCK, &interrupts, nullptr);
  listener_ = std::thread([this] { Listen(); });
}

RunInterrupt::~RunInterrupt() {
  ending_ = true;
  pthread_kill(listener_.native_handle(), SIGTERM);
  listener_.join();
  const sigset_t interrupts = Interrupts();
  pthread_sigmask(SIG_UNBLOCK, &interrupts, nullptr);
}

void RunInterrupt::Guard(const std::filesystem::path& journal, const std::string& command_line,
                         std::function<std::string()> report) {
  const std::lock_guard lock(mutex_);
  journal_ = journal;
  command_line_ = command_line;
  report_ = std::move(report);
}

void RunInterrupt::Finish(const std::function<void()>& work) {
  const std::lock_guard lock(mutex_);
  work();
}

void RunInterrupt::Listen() {
  const sigset_t interrupts = Interrupts();
  int signal = 0;
  while (sigwait(&interrupts, &signal) != 0) {
  }
  if (!ending_) Answer(signal);
}

// The journal on the disk holds every case that has ended, whatever the other threads are doing right now.
void RunInterrupt::Answer(int signal) {
  const std::lock_guard lock(mutex_);
  std::fputs("\n", stderr);
  if (journal_.empty() || !std::filesystem::exists(journal_)) {
    fmt::print(stderr, "assay: interrupted; no case has ended yet\n");
  } else {
    try {
      const std::string said = report_();
      fmt::print(stderr, "assay: interrupted {}\nGo on with:  {}\n", said,
                 ResumeCommand(command_line_, journal_.parent_path()));
    } catch (const std::exception& error) {
      fmt::print(stderr, "assay: interrupted; the reports could not be written: {}\n", error.what());
    }
  }
  std::fflush(nullptr);
  ::_exit(128 + signal);
}

}  // namespace assay
