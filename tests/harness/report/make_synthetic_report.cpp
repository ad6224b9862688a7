// Writes the reports of a synthetic journal into a folder, for tests that look at them with other programs:
//   make_synthetic_report DIR PROBLEMS timed|untimed [unkind]
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>

#include "harness/report/report.h"
#include "tests/harness/report/synthetic.h"
#include "tests/harness/report/unkind.h"

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: make_synthetic_report DIR PROBLEMS timed|untimed [unkind]\n", stderr);
    return 2;
  }
  try {
    assay::testing::SyntheticOptions options;
    options.problems = std::atoi(argv[2]);
    options.timed = std::string(argv[3]) == "timed";
    assay::Journal journal = assay::testing::SyntheticJournal(options);
    if (argc > 4) assay::testing::MakeUnkind(journal);
    std::filesystem::create_directories(argv[1]);
    assay::WriteReports(argv[1], journal);
    std::fputs(assay::RenderConsole(journal, 100, argv[1]).c_str(), stdout);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
