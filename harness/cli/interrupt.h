// Ctrl-C and its kin while a sweep runs: it stops at once, with reports of what is done.
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

  // From now on there is a journal in `dir` to report on, and `command_line` is what to type again.
  void Guard(const std::filesystem::path& dir, const std::string& command_line);
  // Does `work`, which an interrupt waits for: what it writes is whole then.
  void Finish(const std::function<void()>& work);

 private:
  void Listen();
  void Answer(int signal);

  std::mutex mutex_;
  std::filesystem::path dir_;  // empty: nothing to report on
  std::string command_line_;
  std::atomic<bool> ending_ = false;
  std::thread listener_;
};

}  // namespace assay
