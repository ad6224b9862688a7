#include "tests/harness/config/fake_operator.h"

#include <fmt/format.h>

#include <cstdio>

namespace assay::testing {
namespace {

class Pool : public Operator {
 public:
  std::string_view name() const override { return "pool"; }
  std::string_view summary() const override { return "for tests"; }

  std::span<const ParamSpec> params() const override {
    static const std::vector<ParamSpec> specs = {{"n", "integer >= 1", true, ""},
                                                 {"c", "integer >= 1", true, ""},
                                                 {"kernel", "integer >= 1, or [r, s]", false, "1"},
                                                 {"mode", "max, mean", false, "max"}};
    return specs;
  }

  Problem MakeProblem(const ParamMap& values) const override {
    const std::int64_t n = Dimension(values, "n");
    const std::int64_t c = Dimension(values, "c");
    std::vector<std::int64_t> kernel{1};
    if (const auto it = values.find("kernel"); it != values.end()) {
      if (const auto* number = std::get_if<std::int64_t>(&it->second)) kernel = {*number};
      if (const auto* list = std::get_if<std::vector<std::int64_t>>(&it->second)) kernel = *list;
      if (std::holds_alternative<std::string>(it->second) || kernel.size() > 2 || kernel.front() < 1) {
        throw ProblemError("kernel", "kernel is an integer >= 1, or [r, s]");
      }
    }
    if (kernel.front() > c || kernel.back() > c) throw ProblemError("kernel", "kernel is above c");
    if (n * c > 1'000'000) throw ProblemError("", "n * c is above 1000000");
    return Make(n, c, kernel.front(), kernel.back(), Mean(values));
  }

  std::string ProblemId(const Problem& problem) const override {
    return fmt::format("n{}c{}r{}s{}{}", problem.Get("n"), problem.Get("c"), problem.Get("r"),
                       problem.Get("s"), problem.Get("mean") != 0 ? "-mean" : "");
  }

  Problem ParseProblemId(std::string_view id) const override {
    long long n = 0, c = 0, r = 0, s = 0;
    if (std::sscanf(std::string(id).c_str(), "n%lldc%lldr%llds%lld", &n, &c, &r, &s) != 4) {
      throw ProblemError("", "an id such as n1c2r3s3");
    }
    return Make(n, c, r, s, id.ends_with("-mean"));
  }

  std::vector<TensorSpec> Inputs(const Problem&) const override { return {}; }
  std::vector<TensorSpec> Outputs(const Problem&) const override { return {}; }
  Cost CostOf(const Problem&, assay_dtype) const override { return {}; }
  bool HasExactInputs(const Problem&, assay_dtype, std::string*) const override { return false; }
  void Fill(const Problem&, int, assay_dtype, FillKind, std::uint64_t, std::span<float>) const override {}
  void Evaluate(const Problem&, std::span<const std::span<const float>>, const OutputSink&) const override {}
  ErrorBound Bound(const Problem&, assay_dtype, const assay_promise&) const override { return {}; }

  std::vector<BoundaryProblem> BoundaryProblems(std::span<const TileAxis> tile) const override {
    std::vector<BoundaryProblem> problems = {{Make(1, 1, 1, 1, false), "the least"}};
    for (const TileAxis& axis : tile) {
      const std::int64_t size = axis.size + 1;
      problems.push_back({Make(axis.param == "n" ? size : 1, axis.param == "c" ? size : 1, 1, 1, false),
                          fmt::format("{} = tile + 1 ({})", axis.param, size)});
    }
    return problems;
  }
  std::vector<BoundaryProblem> HugeProblems() const override {
    return {{Make(1000, 1, 1, 1, false), "many images"}, {Make(1, 1000, 1, 1, false), "many channels"}};
  }
  Problem RandomProblem(std::uint64_t seed) const override {
    return Make(1 + static_cast<std::int64_t>(seed % 50), 7, 1, 1, false);
  }

 private:
  Problem Make(std::int64_t n, std::int64_t c, std::int64_t r, std::int64_t s, bool mean) const {
    Problem problem;
    problem.op = this;
    problem.params = {{"n", n}, {"c", c}, {"r", r}, {"s", s}, {"mean", mean ? 1 : 0}};
    return problem;
  }

  static std::int64_t Dimension(const ParamMap& values, const char* key) {
    const auto* number = std::get_if<std::int64_t>(&values.at(key));
    if (number == nullptr || *number < 1) throw ProblemError(key, fmt::format("{} is an integer >= 1", key));
    return *number;
  }

  static bool Mean(const ParamMap& values) {
    const auto it = values.find("mode");
    if (it == values.end()) return false;
    const auto* word = std::get_if<std::string>(&it->second);
    if (word == nullptr || (*word != "max" && *word != "mean"))
      throw ProblemError("mode", "mode is max or mean");
    return *word == "mean";
  }
};

}  // namespace

const Operator& FakeOperator() {
  static const Pool pool;
  return pool;
}

std::span<const Operator* const> FakeOperators() {
  static const Operator* const table[] = {&FakeOperator()};
  return table;
}

Catalog FakeCatalog() {
  return {{{"pool", "naive", false},
           {"pool", "lib", true},
           {"pool", "tiled", false},
           {"otherop", "stranger", false},
           {"pool", "otherlib", true}}};
}

}  // namespace assay::testing
