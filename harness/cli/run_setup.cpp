#include "harness/cli/run_setup.h"

#include <fmt/format.h>

#include "harness/cli/commands.h"
#include "harness/config/config.h"
#include "harness/run/environment.h"

namespace assay {

std::filesystem::path DefaultOutDir(const std::string& name) {
  const std::string stem = fmt::format("{}-{}", name, UtcNow().substr(0, 10));
  std::filesystem::path dir = std::filesystem::path("reports") / stem;
  for (int i = 2; std::filesystem::exists(dir); ++i)
    dir = std::filesystem::path("reports") / fmt::format("{}-{}", stem, i);
  return dir;
}

void CheckOutDir(const std::filesystem::path& dir, bool resume, const std::string& journal) {
  if (resume && dir.empty()) throw ConfigError("--resume: give the run's folder by --out");
  if (!resume && std::filesystem::exists(dir / journal)) {
    throw ConfigError(
        fmt::format("--out: {} holds the results of another run; go on with it by --resume, or choose a "
                    "folder without {}",
                    dir.string(), journal));
  }
}

Journal ReadRun(const std::filesystem::path& dir) {
  if (!std::filesystem::exists(dir / "results.jsonl")) {
    throw ConfigError(fmt::format("{} holds no results.jsonl, from which reports are made", dir.string()));
  }
  return ReadJournal(dir / "results.jsonl");
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

void CheckAddedPacks(const std::vector<Pack>& packs, std::size_t added) {
  for (std::size_t i = packs.size() - added; i < packs.size(); ++i) {
    if (!packs[i].readable) throw ConfigError(fmt::format("--pack: {}", packs[i].unavailable));
  }
}

void AddPackOption(CLI::App& command, std::vector<std::filesystem::path>& packs) {
  command
      .add_option("--pack", packs, "kernel pack of your own, besides the built-in ones; may be given again")
      ->take_all();
}

}  // namespace assay
