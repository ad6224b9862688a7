#include "harness/cli/interrupt.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "harness/report/report.h"

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

void RunInterrupt::Guard(const std::filesystem::path& dir, const std::string& command_line) {
  const std::lock_guard lock(mutex_);
  dir_ = dir;
  command_line_ = command_line;
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
  if (dir_.empty() || !std::filesystem::exists(dir_ / "results.jsonl")) {
    fmt::print(stderr, "assay: interrupted; no case has ended yet\n");
  } else {
    try {
      const Journal journal = ReadJournal(dir_ / "results.jsonl");
      WriteReports(dir_, journal);
      fmt::print(stderr, "assay: interrupted after {} of {} cases; reports of these: {}\nGo on with:  {}\n",
                 journal.records.size(), journal.header.planned_cases, (dir_ / "report.html").string(),
                 ResumeCommand(command_line_, dir_));
    } catch (const std::exception& error) {
      fmt::print(stderr, "assay: interrupted; the reports could not be written: {}\n", error.what());
    }
  }
  std::fflush(nullptr);
  ::_exit(128 + signal);
}

}  // namespace assay
