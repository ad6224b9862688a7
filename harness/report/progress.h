// Tells a person what is running: a bar that names the case and the time left on a terminal, plain lines
// elsewhere.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "harness/record/record.h"

namespace assay {

class Progress {
 public:
  virtual ~Progress() = default;
  virtual void Begin(int planned_cases) = 0;
  virtual void CaseStarted(const std::string& id) = 0;
  virtual void CaseEnded(const Record& record) = 0;
  virtual void End() = 0;  // leaves the terminal as it was found
};

// A bar if `out` is a terminal that can clear a line, otherwise a line a case. Nothing else may write to
// `out` between Begin and End. `out` stays open and must outlive the result.
std::unique_ptr<Progress> MakeProgress(std::FILE* out);

}  // namespace assay
