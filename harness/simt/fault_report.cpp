#include "harness/simt/fault_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace assay::simt {
namespace {

std::string Describe(const LaneStatus& lane) {
  switch (lane.wait) {
    case Wait::kNone:
      return "wait for nothing";
    case Wait::kWarp:
      return fmt::format("wait at {} with mask 0x{:08x}, {}", Name(lane.at), lane.mask, Place(lane.where));
    case Wait::kBlock:
      return fmt::format("wait at {}, {}", Name(lane.at), Place(lane.where));
    case Wait::kDone:
      return "have ended";
  }
  return {};
}

bool AnyWaits(const std::vector<LaneStatus>& lanes, Wait wait) {
  return std::any_of(lanes.begin(), lanes.end(),
                     [wait](const LaneStatus& lane) { return lane.wait == wait; });
}

}  // namespace

const char* Name(Collective collective) {
  switch (collective) {
    case Collective::kSyncWarp:
      return "__syncwarp";
    case Collective::kShuffle:
      return "__shfl_sync";
    case Collective::kShuffleUp:
      return "__shfl_up_sync";
    case Collective::kShuffleDown:
      return "__shfl_down_sync";
    case Collective::kShuffleXor:
      return "__shfl_xor_sync";
    case Collective::kBallot:
      return "__ballot_sync";
    case Collective::kAny:
      return "__any_sync";
    case Collective::kAll:
      return "__all_sync";
    case Collective::kMultiplyF16:
      return "mma.sync of fp16";
    case Collective::kMultiplyBf16:
      return "mma.sync of bf16";
    case Collective::kMultiplyTf32:
      return "mma.sync of tf32";
    case Collective::kLoadMatrices:
      return "ldmatrix.sync";
    case Collective::kSyncThreads:
      return "__syncthreads";
    case Collective::kSyncThreadsOr:
      return "__syncthreads_or";
    case Collective::kSyncThreadsAnd:
      return "__syncthreads_and";
    case Collective::kSyncThreadsCount:
      return "__syncthreads_count";
  }
  return "?";
}

std::string Place(const std::source_location& where) {
  std::string_view file = where.file_name();
  const std::size_t slash = file.rfind('/');
  if (slash != std::string_view::npos) file.remove_prefix(slash + 1);
  return fmt::format("{}:{}", file, where.line());
}

std::string Ranges(const std::vector<int>& ascending_numbers) {
  std::string text;
  for (std::size_t first = 0; first < ascending_numbers.size();) {
    std::size_t last = first;
    while (last + 1 < ascending_numbers.size() && ascending_numbers[last + 1] == ascending_numbers[last] + 1)
      ++last;
    if (!text.empty()) text += ", ";
    text += fmt::format("{}", ascending_numbers[first]);
    if (last > first) text += fmt::format("-{}", ascending_numbers[last]);
    first = last + 1;
  }
  return text;
}

std::string LaneTable(const std::vector<LaneStatus>& lanes) {
  std::vector<std::pair<std::string, std::vector<int>>> rows;
  for (std::size_t thread = 0; thread < lanes.size(); ++thread) {
    const std::string state = Describe(lanes[thread]);
    auto row =
        std::find_if(rows.begin(), rows.end(), [&](const auto& known) { return known.first == state; });
    if (row == rows.end()) row = rows.insert(row, {state, {}});
    row->second.push_back(static_cast<int>(thread));
  }
  std::string table;
  for (const auto& [state, threads] : rows)
    table += fmt::format("\n  threads {:<12} {}", Ranges(threads), state);
  return table;
}

std::string DeadlockCause(const std::vector<LaneStatus>& lanes) {
  if (!AnyWaits(lanes, Wait::kBlock)) {
    return "deadlock: no thread can go on, since not all lanes of a mask arrived at the same warp collective";
  }
  return "deadlock: no thread can go on, since some wait at a block barrier and others in a warp collective";
}

}  // namespace assay::simt
