// assay selftest: does this program, on this machine, catch what it should?
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <regex>
#include <system_error>

#include "harness/cli/commands.h"
#include "harness/report/progress.h"
#include "harness/run/pack_set.h"
#include "harness/run/runner.h"
#include "harness/selftest/selftest.h"
#include "harness/verify/needs.h"
#include "harness/worker/remote_executor.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

struct SelftestArguments {
  std::string device = "auto";
  std::string filter;
  fs::path out;
};

// Says nothing: a thousand faulty cases are no news.
class Silence final : public Progress {
 public:
  void Begin(int) override {}
  void CaseStarted(const std::string&) override {}
  void CaseEnded(const Record&) override {}
  void End() override {}
};

// The gallery's packs lie beside the program, in a folder that no other command looks into.
std::vector<fs::path> GalleryPacks() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path() / "faulty";
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".so") files.push_back(entry.path());
  }
  if (files.empty()) {
    throw DeviceError(fmt::format("{}: the packs of faulty kernels are not there; build the target assay",
                                  folder.string()));
  }
  std::ranges::sort(files);
  return files;
}

// The folder that the sweeps' journals go to; removed in the end unless a person named it.
class OutFolder {
 public:
  explicit OutFolder(const fs::path& chosen)
      : path_(chosen.empty() ? fs::temp_directory_path() / fmt::format("assay-selftest-{}", getpid())
                             : chosen),
        keep_(!chosen.empty()) {}
  ~OutFolder() {
    std::error_code ignored;
    if (!keep_) fs::remove_all(path_, ignored);
  }
  OutFolder(const OutFolder&) = delete;
  OutFolder& operator=(const OutFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool keep_;
};

std::vector<const faulty::Row*> SelectRows(const std::string& filter) {
  std::vector<const faulty::Row*> rows;
  try {
    const std::regex expression(filter);
    for (const faulty::Row& row : faulty::kRows) {
      if (std::regex_search(row.name, expression)) rows.push_back(&row);
    }
  } catch (const std::regex_error& error) {
    throw ConfigError(fmt::format("--filter: {} is not a regular expression: {}", filter, error.what()));
  }
  if (rows.empty())
    throw ConfigError(fmt::format("--filter: {} is found in the name of no faulty kernel", filter));
  return rows;
}

ExitCode Selftest(const SelftestArguments& arguments, const std::string& command_line) {
  SelftestOptions options;
  options.rows = SelectRows(arguments.filter);
  const WorkerOptions worker{arguments.device, GalleryPacks(), {}};
  RemoteExecutor executor(worker);
  if (!executor.note().empty()) fmt::print(stderr, "assay: {}\n", executor.note());
  PackSet(executor.packs()).CheckAnyReadable();
  options.has_worker = true;
  options.gpu = executor.device().can_time();
  options.room = RoomOn(executor.device());
  const OutFolder out(arguments.out);

  const auto run = [&](const Sweep& sweep) {
    RunOptions run_options;
    run_options.out_dir = out.path() / sweep.name;
    run_options.command = command_line;
    run_options.device_argument = arguments.device;
    run_options.worker = worker;
    if (sweep.name.starts_with(kUnderRacecheck)) run_options.sanitizers = {"racecheck"};
    Silence silence;
    return RunSweep(sweep, executor, run_options, silence);
  };
  const std::vector<RowResult> results = RunSelftest(options, run);
  fmt::print("{}", RenderSelftest(results));
  return AllCaught(results) ? ExitCode::kRight : ExitCode::kWrong;
}

}  // namespace

void AddSelftestCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "selftest",
      "run a gallery of faulty kernels, each of which must be caught, and right ones beside them");
  const auto arguments = std::make_shared<SelftestArguments>();
  command->add_option("--device", arguments->device, "auto, host, cuda or cuda:i")->capture_default_str();
  command->add_option("--filter", arguments->filter,
                      "only kernels whose name this regular expression is found in");
  command->add_option("--out", arguments->out, "keep the journals of the sweeps in this folder");
  command->callback(
      [arguments, &context] { context.exit_code = Selftest(*arguments, context.command_line); });
}

}  // namespace assay
