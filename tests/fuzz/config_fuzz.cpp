// LoadSweep over a config and, behind a line "%%%", the table t.csv beside it.
#include "harness/config/config.h"
#include "tests/fuzz/catalog.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  static const fuzz::Scratch scratch;
  static const Catalog catalog = fuzz::SmallCatalog();
  const std::string_view text = fuzz::Text(data, size);
  const std::size_t split = text.find("\n%%%\n");
  const bool has_table = split != std::string_view::npos;
  scratch.Write("t.csv", has_table ? text.substr(split + 5) : "n,c,k,h,w,kernel\n1,2,3,4,5,3\n");
  const std::filesystem::path config =
      scratch.Write("sweep.yaml", has_table ? text.substr(0, split + 1) : text);
  try {
    const Sweep sweep = LoadSweep(config, catalog);
    fuzz::Require(!sweep.cases.empty() && !sweep.sources.empty(), "a sweep without cases");
    fuzz::Require(static_cast<std::int64_t>(sweep.cases.size()) <= kMaxCases, "too many cases");
    // Every case has an id that a person can hand back.
    const Case& last = sweep.cases.back();
    fuzz::Require(ParseCaseId(last.Id(), catalog).Id() == last.Id(), "an id that reads otherwise", last.Id());
  } catch (const ConfigError& error) {
    fuzz::Require(fuzz::HasPlace(error.what()), "an error without a place", error.what());
  }
  return 0;
}
