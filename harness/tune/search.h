// Finds the fastest configurations of every variant for one problem, and whether they are right.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "harness/config/config.h"
#include "harness/tune/bench.h"
#include "harness/tune/trial.h"

namespace assay {

// Times trials[i], which is the bench's contender i: what variants choose by themselves, then all
// configurations of those that are not three times as slow with it, a few samples of each, more of the better
// half (halving.h), and the finalists as `finals` says. With `everything`, variants that are far behind with
// their own choice are searched as well. Leaves each trial pruned, a finalist or failed.
// Throws as TuneBench::Measure does.
void Search(TuneBench& bench, std::span<Trial> trials, const MeasureSettings& finals, bool everything);

// Judges the trial, and leaves it kRight, kWrong or kFailed.
using JudgeTrial = std::function<void(Trial& trial)>;

// Has the winner of each variant judged, or whoever takes its place where it is wrong; and besides, of what
// is right among the finalists, up to three that come within 3 % of the fastest of all, and what variants
// choose by themselves if that comes within 30 % of it. So that winners are the same from run to run, an
// incumbent stays its variant's winner unless it is more than 1 % slower than the fastest, and of those that
// come within 0.5 % of it the one that the variant lists first wins.
void JudgeWinners(std::span<Trial> trials, const JudgeTrial& judge);

// With a picker: has its pick judged, and of the others the fastest, or whoever takes its place.
void JudgePick(std::span<Trial> trials, const std::string& picker, const JudgeTrial& judge);

// Places of a variant's trials that have a time, the one that ought to be its winner first. What went on for
// longer is better than what was left behind, whatever its time.
std::vector<std::size_t> InOrder(std::span<const Trial> trials, const std::string& variant);

// The fastest right trial of those whose variant `takes` likes; nullptr if there is none.
const Trial* FastestRight(std::span<const Trial> trials,
                          const std::function<bool(const std::string&)>& takes);

}  // namespace assay
