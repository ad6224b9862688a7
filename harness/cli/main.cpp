#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>

#include "harness/cli/commands.h"
#include "harness/config/config.h"
#include "harness/device/device.h"
#include "harness/run/environment.h"

namespace {

// Where standard error cannot be written to either, the exit code has to do.
void Complain(const std::string& message) { std::fputs(fmt::format("assay: {}\n", message).c_str(), stderr); }

int Fail(assay::ExitCode code, const std::string& message) {
  Complain(message);
  return static_cast<int>(code);
}

// As a shell takes it back.
std::string Quoted(const std::string& argument) {
  const bool plain = !argument.empty() && argument.find_first_not_of(
                                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789_-+=./,:%@") == std::string::npos;
  if (plain) return argument;
  std::string quoted = "'";
  for (const char c : argument) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string CommandLine(int argc, char** argv) {
  std::string line = "assay";
  for (int i = 1; i < argc; ++i) line += " " + Quoted(argv[i]);
  return line;
}

int Run(int argc, char** argv) {
  CLI::App app{"Assay: is this fused GPU kernel right, and how fast is it?", "assay"};
  app.set_version_flag("--version", assay::ProgramVersion());
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 every selected case right; 1 a case wrong, crashed or hung; 2 command line or config at "
      "fault; "
      "3 the environment failed.");
  assay::CommandContext context;
  context.command_line = CommandLine(argc, argv);
  assay::AddRunCommand(app, context);
  assay::AddListCommand(app, context);
  assay::AddReportCommand(app, context);
  assay::AddMergeCommand(app, context);
  assay::AddProfileCommand(app, context);
  assay::AddNewKernelCommand(app, context);
  assay::AddDoctorCommand(app, context);
  assay::AddSelftestCommand(app, context);
  assay::AddTuneCommand(app, context);
  assay::AddWorkerCommand(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // CLI11 numbers its errors itself; help and version are no errors.
    return app.exit(e) == 0 ? 0 : static_cast<int>(assay::ExitCode::kUsage);
  } catch (const assay::ConfigError& e) {
    return Fail(assay::ExitCode::kUsage, e.what());
  } catch (const std::exception& e) {
    return Fail(assay::ExitCode::kEnvironment, e.what());
  }
  return static_cast<int>(context.exit_code);
}

// A file opened later would take the place of a standard stream that is closed, and what is printed would go
// into the journal. What takes it here cannot be used: writing fails as it does with a closed one.
void FillClosedStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest number that is free: this one.
    if (::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) std::_Exit(3);
  }
}

// Says whether all that was printed has arrived: a full disk often shows when the last of it is written.
bool OutputIsWritten() {
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  const int error = errno;
  if (flushed && std::ferror(stdout) == 0 && std::cout.good()) return true;
  Complain(flushed ? "not all output could be written"
                   : fmt::format("not all output could be written: {}", std::strerror(error)));
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  FillClosedStandardStreams();
  const int exit_code = Run(argc, argv);
  const bool written = OutputIsWritten();
  return written || exit_code != 0 ? exit_code : static_cast<int>(assay::ExitCode::kEnvironment);
}
