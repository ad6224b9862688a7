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
#include "harness/cli/run_setup.h"
#include "harness/cli/selection.h"
#include "harness/config/boundary.h"
#include "harness/report/progress.h"
#include "harness/report/report.h"
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

ExitCode Run(const RunArguments& arguments, const std::string& command_line) {
  CheckOutDir(arguments.out, arguments.resume, "results.jsonl");
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
  const std::filesystem::path results = options.out_dir / "results.jsonl";
  interrupt.Guard(results, command_line, [results] {
    const Journal journal = ReadJournal(results);
    WriteReports(results.parent_path(), journal);
    return fmt::format("after {} of {} cases; reports of these: {}", journal.records.size(),
                       journal.header.planned_cases, (results.parent_path() / "report.html").string());
  });
  const Journal journal = RunSweep(sweep, executor, options, *progress);
  interrupt.Finish([&] { WriteReports(options.out_dir, journal); });
  fmt::print("{}\n", RenderConsole(journal, TerminalWidth()));
  fmt::print("Reports: {}\n", (options.out_dir / "report.html").string());
  return ExitCodeOf(journal);
}

}  // namespace

void AddRunCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("run", "judge and time the cases of a sweep");
  const auto arguments = std::make_shared<RunArguments>();
  AddSelectionOptions(*command, arguments->selection);
  AddSeedOptions(*command, arguments->selection);
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
