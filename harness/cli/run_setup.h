// What subcommands that run kernels from a config have in common: packs, and a folder for what they find.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/device/pack_loader.h"
#include "harness/record/journal.h"

namespace assay {

// reports/<name>-<date>, with a number behind it if there is one of that day already.
std::filesystem::path DefaultOutDir(const std::string& name);

// Nothing is overwritten: a folder that holds `journal` is refused before anything runs, unless it is gone on
// with. Throws ConfigError.
void CheckOutDir(const std::filesystem::path& dir, bool resume, const std::string& journal);

// The journal of a run in its folder. Throws ConfigError for a folder without results.jsonl, and as
// ReadJournal.
Journal ReadRun(const std::filesystem::path& dir);

// The built-in packs and those that were added; throws ConfigError if one of these does not exist.
std::vector<std::filesystem::path> AllPacks(const std::vector<std::filesystem::path>& added);

// The last `added` of `packs` were asked for by name and must be usable. Throws ConfigError.
void CheckAddedPacks(const std::vector<Pack>& packs, std::size_t added);

}  // namespace assay
