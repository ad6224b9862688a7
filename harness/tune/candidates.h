// What there is to try for one problem, dtype and layout.
#pragma once

#include <string>
#include <vector>

#include "harness/config/config.h"
#include "harness/run/pack_set.h"
#include "harness/tune/bench.h"
#include "harness/tune/trial.h"

namespace assay {

// Cases of one problem, dtype and layout.
struct TuneGroup {
  TuneKey key;
  std::vector<const Case*> cases;
};

// In the order of the sweep.
std::vector<TuneGroup> GroupsOf(const Sweep& sweep);

struct Candidates {
  // Side by side: trials[i] is what comes of contenders[i].
  std::vector<Contender> contenders;
  std::vector<Trial> trials;
  std::vector<Trial> failed;  // of variants that could not list what they offer
};

// Every configuration of every kernel among the group's cases that takes the problem. With a picker: that as
// well, by itself, and of the others those whose promise its own covers, since it could have picked no other.
// What the table has of this GPU are incumbents. Throws DeviceError only if no worker can be had any more.
Candidates ListCandidates(Executor& executor, const PackSet& packs, const TuneGroup& group,
                          const LimitSettings& limits, const TunedTable& table, const std::string& picker);

}  // namespace assay
