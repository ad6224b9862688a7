#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "harness/cli/commands.h"
#include "harness/cli/interrupt.h"
#include "harness/cli/selection.h"
#include "harness/config/boundary.h"
#include "harness/report/progress.h"
#include "harness/report/report.h"
#include "harness/run/environment.h"
#include "harness/run/huge_problems.h"
#include "harness/run/sanitizer.h"
#include "harness/worker/remote_executor.h"

namespace assay {
namespace {

struct RunArguments {
  SelectionOptions selection;
  std::string device = "auto";
  std::filesystem::path out;
  std::vector<std::filesystem::path> packs;
  std::vector<std::string> sanitizers;
  bool boundary = false;
  int generated = 0;
  bool no_measure = false;
  bool resume = false;
};

// Asks variants for their tiles. One whose tile() fails has none, and is not asked again.
struct TileQuestion {
  const PackSet& packs;
  RemoteExecutor& executor;
  double limit_seconds;
  std::set<std::string> failed;

  std::vector<TileAxis> Ask(const Case& c) {
    if (failed.contains(c.variant)) return {};
    try {
      executor.BeginCase(c.Id(), limit_seconds);
      return AskForTile(packs, executor, c);
    } catch (const DeviceError& error) {
      LeaveOut(c, error);
      if (error.sticky) executor.Restart();
    } catch (const std::exception& error) {
      LeaveOut(c, error);
    }
    return {};
  }

  void LeaveOut(const Case& c, const std::exception& error) {
    failed.insert(c.variant);
    fmt::print(stderr, "assay: {} has no boundary shapes of its own: its tile() failed: {}\n", c.variant,
               error.what());
  }
};

int TerminalWidth() {
  winsize size{};
  return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// reports/<name>-<date>, with a number behind it if a run of that day is there already.
std::filesystem::path DefaultOutDir(const std::string& name) {
  const std::string stem = fmt::format("{}-{}", name, UtcNow().substr(0, 10));
  std::filesystem::path dir = std::filesystem::path("reports") / stem;
  for (int i = 2; std::filesystem::exists(dir); ++i)
    dir = std::filesystem::path("reports") / fmt::format("{}-{}", stem, i);
  return dir;
}

// Nothing is overwritten: a folder with results in it is refused before anything runs.
void CheckOutDir(const RunArguments& arguments) {
  const std::filesystem::path& dir = arguments.out;
  if (arguments.resume && dir.empty()) throw ConfigError("--resume: give the run's folder by --out");
  if (!arguments.resume && std::filesystem::exists(dir / "results.jsonl")) {
    throw ConfigError(
        fmt::format("--out: {} holds the results of another run; go on with it by --resume, or choose a "
                    "folder without results.jsonl",
                    dir.string()));
  }
}

std::vector<std::filesystem::path> AllPacks(const std::vector<std::filesystem::path>& added) {
  std::vector<std::filesystem::path> packs = BuiltInPacks();
  for (const std::filesystem::path& path : added) {
    if (!std::filesystem::exists(path)) {
      throw ConfigError(fmt::format("--pack: there is no file {}", path.string()));
    }
    packs.push_back(path);
  }
  return packs;
}

// A pack that was asked for by name must be usable.
void CheckAddedPacks(const std::vector<Pack>& packs, std::size_t added) {
  for (std::size_t i = packs.size() - added; i < packs.size(); ++i) {
    if (!packs[i].readable) throw ConfigError(fmt::format("--pack: {}", packs[i].unavailable));
  }
}

ExitCode Run(const RunArguments& arguments, const std::string& command_line) {
  CheckOutDir(arguments);
  RunInterrupt interrupt;
  const WorkerOptions worker{arguments.device, AllPacks(arguments.packs), {}};
  RemoteExecutor executor(worker);
  if (!executor.note().empty()) fmt::print(stderr, "assay: {}\n", executor.note());
  CheckAddedPacks(executor.packs(), arguments.packs.size());
  const PackSet packs(executor.packs());
  packs.CheckAnyReadable();
  packs.CheckNamesDiffer();
  Sweep sweep = SelectCases(arguments.selection, packs.BuildCatalog());
  if (arguments.no_measure) sweep.measure.enabled = false;
  if (arguments.boundary) {
    const Sweep base = sweep;
    TileQuestion question{packs, executor, sweep.limits.seconds, {}};
    sweep = WithBoundaryProblems(base, [&](const Case& c) { return question.Ask(c); });
    JudgingRoom room = RoomOn(executor.device());
    if (!arguments.sanitizers.empty()) room.too_slow = "compute-sanitizer";
    AddHugeProblemsThatFit(base, room, sweep);
  } else if (arguments.generated > 0) {
    sweep = GeneratedSweep(sweep, arguments.generated, sweep.verify.first_seed);
  }
  RunOptions options;
  options.out_dir = arguments.out.empty() ? DefaultOutDir(sweep.name) : arguments.out;
  options.command = command_line;
  options.device_argument = arguments.device;
  options.resume = arguments.resume;
  options.worker = worker;
  for (const std::filesystem::path& pack : arguments.packs)
    options.more_arguments += " --pack " + pack.string();
  if (!arguments.sanitizers.empty()) {
    if (executor.device().info().backend != ASSAY_BACKEND_CUDA) {
      throw ConfigError("--sanitize: compute-sanitizer watches kernels on a GPU; this run is on " +
                        executor.device().name());
    }
    options.sanitizers = arguments.sanitizers;
    sweep.measure.enabled = false;
  }

  const std::unique_ptr<Progress> progress = MakeProgress(stderr);
  interrupt.Guard(options.out_dir, command_line);
  const Journal journal = RunSweep(sweep, executor, options, *progress);
  interrupt.Finish([&] { WriteReports(options.out_dir, journal); });
  fmt::print("{}\n", RenderConsole(journal, TerminalWidth()));
  fmt::print("Reports: {}\n", (options.out_dir / "report.html").string());
  return ExitCodeOf(journal);
}

}  // namespace

void AddPackOption(CLI::App& command, std::vector<std::filesystem::path>& packs) {
  command
      .add_option("--pack", packs, "kernel pack of your own, besides the built-in ones; may be given again")
      ->take_all();
}

void AddRunCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("run", "judge and time the cases of a sweep");
  const auto arguments = std::make_shared<RunArguments>();
  AddSelectionOptions(*command, arguments->selection);
  command->add_option("--configuration", arguments->selection.configuration,
                      "of the one --variant, as `assay tune` names it (default: its own choice)");
  command->add_option("--device", arguments->device, "auto, host, cuda or cuda:i")->capture_default_str();
  command->add_option("--out", arguments->out, "folder for the reports (default: reports/<name>-<date>)");
  AddPackOption(*command, arguments->packs);
  command
      ->add_option("--sanitize", arguments->sanitizers,
                   "run each case under these tools of compute-sanitizer too, untimed: memcheck, racecheck, "
                   "initcheck, synccheck")
      ->delimiter(',')
      ->check(CLI::IsMember(SanitizerTools()));
  CLI::Option* boundary =
      command->add_flag("--boundary", arguments->boundary,
                        "judge the config's kernels on shapes around their tiles, in place of its problems");
  command->add_option("--generated", arguments->generated, "judge them on so many random problems instead")
      ->check(CLI::Range(1, 100'000))
      ->excludes(boundary);
  command->add_flag("--no-measure", arguments->no_measure, "judge only, as under compute-sanitizer");
  command->add_flag("--resume", arguments->resume,
                    "go on with the run in --out: what its journal holds is not run again");
  command->callback([arguments, &context] { context.exit_code = Run(*arguments, context.command_line); });
}

}  // namespace assay
