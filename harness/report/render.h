// The renderers behind report.h: they share one analysis of the journal. `analysis` is Analyse(journal).
#pragma once

#include <string>

#include "harness/record/journal.h"
#include "harness/report/analysis.h"

namespace assay {

std::string RenderCsv(const Journal& journal, const Analysis& analysis);
std::string RenderHtml(const Journal& journal, const Analysis& analysis);
std::string RenderJunit(const Journal& journal, const Analysis& analysis);

// The sentences that say what happened to a case that is not right: its reason, where it failed, and how to
// see it again.
std::string FailureText(const Record& record);

}  // namespace assay
