// A worker process as the supervisor holds it: started, asked, listened to, and ended however it behaves.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "harness/device/device.h"
#include "harness/worker/channel.h"

namespace assay {

// The worker is gone, or had to be killed. Always sticky.
class WorkerLost : public DeviceError {
 public:
  enum class Cause {
    kCrashed,     // by a signal of its own doing
    kExited,      // it ended itself
    kKilled,      // by SIGKILL or SIGTERM from outside
    kHung,        // it did not answer in time
    kForged,      // something else than an answer came from it
    kNotStarted,  // there is none, or it could not be started
  };
  WorkerLost(Cause loss, const std::string& sentence) : DeviceError(sentence), cause(loss) { sticky = true; }
  Cause cause;
};

// Whether somebody else ended the worker, which says nothing of what it was doing.
inline bool KilledFromOutside(const DeviceError& error) {
  const auto* lost = dynamic_cast<const WorkerLost*>(&error);
  return lost != nullptr && lost->cause == WorkerLost::Cause::kKilled;
}

// A file descriptor, closed on destruction.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd();
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// How long to wait for an answer, which may be the rest of a longer time, and that time in words.
struct TimeLimit {
  double seconds_left = 0;
  std::string words;  // "the 60 s of its case"
};

class WorkerProcess {
 public:
  // Starts `command` (a program and its arguments) with the channel, `block` and a tripwire as its
  // descriptors 3, 4 and 5 and nothing else but /dev/null and a pipe for its output. It dies with this
  // process. Throws WorkerLost.
  WorkerProcess(const std::vector<std::string>& command, const SharedBlock& block);
  // Ends it: politely if it listens, otherwise by force.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Sends a request and waits for its answer. `doing` names it in sentences: "launch() of tiled". Throws
  // WorkerLost, after which there is no process any more.
  nlohmann::json Call(const nlohmann::json& request, const TimeLimit& limit, const std::string& doing);

  // What it has printed since the last call, at most the last few KiB.
  std::string TakeOutput();
  pid_t pid() const { return pid_; }

 private:
  void Start(const std::vector<std::string>& command, const SharedBlock& block);
  nlohmann::json WaitForAnswer(const Token& token, const TimeLimit& limit, const std::string& doing);
  void ReadOutput();
  // Throws ChannelCorrupt if somebody in the worker has written to a descriptor that leads nowhere.
  void CheckTripwire() const;
  // Whether the process has ended; it is not waited for.
  bool HasEnded() const;
  void Kill();
  // Waits for the process's end and throws what it died of.
  [[noreturn]] void ThrowDeath(const std::string& doing);
  [[noreturn]] void KillAndThrow(WorkerLost::Cause cause, const std::string& sentence);
  std::string Printed() const;

  pid_t pid_ = -1;
  OwnedFd channel_, output_pipe_, tripwire_;
  Channel messages_{-1};
  std::string output_;
};

}  // namespace assay
