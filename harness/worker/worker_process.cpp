#include "harness/worker/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace assay {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kKeptOutput = 16384;

Token DrawToken() {
  Token token;
  if (::getrandom(token.data(), sizeof token, 0) != static_cast<ssize_t>(sizeof token)) {
    throw std::system_error(errno, std::generic_category(), "drawing a random number");
  }
  return token;
}

[[noreturn]] void ThrowNotStarted(const char* what) {
  throw WorkerLost(WorkerLost::Cause::kNotStarted,
                   fmt::format("the worker process cannot be started: {}: {}", what, std::strerror(errno)));
}

// In the child, between fork and exec: system calls only.
[[noreturn]] void BecomeWorker(char* const* arguments, int channel, int memory, int output, int tripwire,
                               pid_t parent) {
  ::setpgid(0, 0);  // a terminal's Ctrl-C is for the supervisor
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  // Away from the numbers that they are to get.
  const int high_channel = ::fcntl(channel, F_DUPFD, 10), high_memory = ::fcntl(memory, F_DUPFD, 10),
            high_output = ::fcntl(output, F_DUPFD, 10), high_tripwire = ::fcntl(tripwire, F_DUPFD, 10),
            nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, 0);
  ::dup2(high_output, 1);
  ::dup2(high_output, 2);
  ::dup2(high_channel, 3);
  ::dup2(high_memory, 4);
  ::dup2(high_tripwire, 5);
  ::close_range(6, ~0U, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

std::string SignalWords(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return fmt::format("SIG{} ({})", name != nullptr ? name : std::to_string(signal).c_str(),
                     ::strsignal(signal));
}

}  // namespace

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

WorkerProcess::WorkerProcess(const std::vector<std::string>& command, const SharedBlock& block) {
  Start(command, block);
  messages_ = Channel(channel_.get());
}

void WorkerProcess::Start(const std::vector<std::string>& command, const SharedBlock& block) {
  OwnedFd sockets[2], output[2], tripwire[2];
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) ThrowNotStarted("socketpair");
  for (const int i : {0, 1}) sockets[i] = OwnedFd(pair[i]);
  for (OwnedFd* pipe : {output, tripwire}) {
    if (::pipe2(pair, O_CLOEXEC) != 0) ThrowNotStarted("pipe");
    for (const int i : {0, 1}) pipe[i] = OwnedFd(pair[i]);
    ::fcntl(pipe[0].get(), F_SETFL, O_NONBLOCK);
  }
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    BecomeWorker(arguments.data(), sockets[1].get(), block.fd(), output[1].get(), tripwire[1].get(), parent);
  }
  if (child < 0) ThrowNotStarted("fork");
  channel_ = std::move(sockets[0]);
  output_pipe_ = std::move(output[0]);
  tripwire_ = std::move(tripwire[0]);
  pid_ = child;
}

WorkerProcess::~WorkerProcess() {
  ::shutdown(channel_.get(), SHUT_RDWR);
  if (pid_ > 0) {
    // It ends by itself when the channel closes, which lets tools that watch it write what they found.
    constexpr auto kPatience = std::chrono::seconds(20);
    for (const auto deadline = Clock::now() + kPatience; Clock::now() < deadline;) {
      const pid_t ended = ::waitpid(pid_, nullptr, WNOHANG);
      if (ended == pid_ || (ended < 0 && errno != EINTR)) {
        ::kill(-pid_, SIGKILL);  // processes that a pack started and left behind
        pid_ = -1;
        break;
      }
      ReadOutput();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (pid_ > 0) Kill();
  }
}

void WorkerProcess::CheckTripwire() const {
  char first;
  if (::read(tripwire_.get(), &first, 1) <= 0) return;
  throw ChannelCorrupt("a descriptor that no pack was handed was written to");
}

bool WorkerProcess::HasEnded() const {
  siginfo_t info = {};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

void WorkerProcess::Kill() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // if it had not made its group yet
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void WorkerProcess::ReadOutput() {
  std::array<char, 4096> part;
  // A pack that prints without end must not keep the supervisor from its work.
  for (int i = 0; i < 64; ++i) {
    const ssize_t n = ::read(output_pipe_.get(), part.data(), part.size());
    if (n <= 0) return;
    output_.append(part.data(), static_cast<std::size_t>(n));
    if (output_.size() > 2 * kKeptOutput) output_.erase(0, output_.size() - kKeptOutput);
  }
}

std::string WorkerProcess::TakeOutput() {
  ReadOutput();
  if (output_.size() > kKeptOutput) output_.erase(0, output_.size() - kKeptOutput);
  return std::exchange(output_, {});
}

// The last line or so, for a sentence.
std::string WorkerProcess::Printed() const {
  constexpr std::size_t kShown = 300;
  std::string text = output_.substr(output_.size() > kShown ? output_.size() - kShown : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? "" : fmt::format("; it had printed: {}", text);
}

void WorkerProcess::KillAndThrow(WorkerLost::Cause cause, const std::string& sentence) {
  Kill();
  ReadOutput();
  throw WorkerLost(cause, sentence + Printed());
}

void WorkerProcess::ThrowDeath(const std::string& doing) {
  // The channel closes a moment before the process is gone; a process that closed it and lives on is killed.
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < 2000 && ended == 0; ++i) {
    ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (ended != pid_) {
    KillAndThrow(WorkerLost::Cause::kForged,
                 fmt::format("the worker's channel was closed in {}, and the process went on", doing));
  }
  ::kill(-pid_, SIGKILL);  // what it may have left behind
  pid_ = -1;
  ReadOutput();
  if (WIFEXITED(status)) {
    const int code = WEXITSTATUS(status);
    if (code == 127 && doing.empty()) ThrowNotStarted("exec");
    throw WorkerLost(WorkerLost::Cause::kExited,
                     fmt::format("the process was ended with exit code {} in {}{}", code, doing, Printed()));
  }
  const int signal = WTERMSIG(status);
  if (signal == SIGKILL || signal == SIGTERM || signal == SIGINT || signal == SIGHUP) {
    throw WorkerLost(
        WorkerLost::Cause::kKilled,
        fmt::format("the worker process was killed from outside by {} in {} (by another process, or by the "
                    "system for want of memory){}",
                    SignalWords(signal), doing, Printed()));
  }
  throw WorkerLost(WorkerLost::Cause::kCrashed,
                   fmt::format("crashed by {} in {}{}", SignalWords(signal), doing, Printed()));
}

nlohmann::json WorkerProcess::Call(const nlohmann::json& request, const TimeLimit& limit,
                                   const std::string& doing) {
  if (pid_ <= 0) throw WorkerLost(WorkerLost::Cause::kNotStarted, "there is no worker process");
  const Token token = DrawToken();
  try {
    messages_.Send({token, request});
  } catch (const std::system_error&) {
    ThrowDeath(doing);
  }
  return WaitForAnswer(token, limit, doing);
}

nlohmann::json WorkerProcess::WaitForAnswer(const Token& token, const TimeLimit& limit,
                                            const std::string& doing) {
  constexpr double kMostMilliseconds = 250;  // between two looks whether the process is there
  const auto deadline = Clock::now() + std::chrono::duration<double>(limit.seconds_left);
  while (true) {
    // Its channel says so too, unless a process that a pack started holds it open. Asked before the channel
    // is read, so that a last answer counts.
    const bool gone = HasEnded();
    bool ended = false;
    try {
      CheckTripwire();
      if (auto message = messages_.Poll(ended)) {
        CheckTripwire();
        if (message->token == token) return std::move(message->body);
        throw ChannelCorrupt("an answer that nobody had asked for was written to the worker's channel");
      }
    } catch (const ChannelCorrupt& error) {
      KillAndThrow(WorkerLost::Cause::kForged,
                   fmt::format("{} in {}; the process was killed", error.what(), doing));
    }
    if (ended || gone) ThrowDeath(doing);
    const double left = std::chrono::duration<double>(deadline - Clock::now()).count();
    if (left <= 0) {
      KillAndThrow(WorkerLost::Cause::kHung,
                   fmt::format("hung: no answer from {} when {} were over; the process was killed", doing,
                               limit.words));
    }
    std::array<pollfd, 2> wait{{{channel_.get(), POLLIN, 0}, {output_pipe_.get(), POLLIN, 0}}};
    const int milliseconds = static_cast<int>(std::min(std::ceil(left * 1000), kMostMilliseconds));
    // A closed pipe would be ready for ever.
    const nfds_t watched = (::poll(&wait[1], 1, 0) > 0 && (wait[1].revents & POLLHUP)) != 0 ? 1 : 2;
    ::poll(wait.data(), watched, milliseconds);
    ReadOutput();
  }
}

}  // namespace assay
