// Ctrl-C and its kin while a command with a journal runs: it stops at once, with reports of what is done.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace assay {

// Make it before any other thread is started: from then on a thread of its own receives SIGINT, SIGTERM and
// SIGHUP. The process then ends with 128 + the signal's number, the worker with it.
class RunInterrupt {
 public:
  RunInterrupt();
  ~RunInterrupt();
  RunInterrupt(const RunInterrupt&) = delete;
  RunInterrupt& operator=(const RunInterrupt&) = delete;

  // From now on an interrupt calls `report` if the file `journal` is there, and says its answer ("after 3 of
  // 5 cases; ...") and the command that goes on: `command_line` with --out, the journal's folder, and
  // --resume.
  void Guard(const std::filesystem::path& journal, const std::string& command_line,
             std::function<std::string()> report);
  // Does `work`, which an interrupt waits for: what it writes is whole then.
  void Finish(const std::function<void()>& work);

 private:
  void Listen();
  void Answer(int signal);

  std::mutex mutex_;
  std::filesystem::path journal_;  // empty: nothing to report on
  std::string command_line_;
  std::function<std::string()> report_;
  std::atomic<bool> ending_ = false;
  std::thread listener_;
};

}  // namespace assay
