#include "tests/harness/config/load.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tests/harness/config/fake_operator.h"

namespace assay::testing {

ConfigFolder::ConfigFolder() {
  static int count = 0;
  folder_ = std::filesystem::path(::testing::TempDir()) /
            ("assay_config_" + std::to_string(getpid()) + "_" + std::to_string(count++));
  std::filesystem::create_directories(folder_);
}

ConfigFolder::~ConfigFolder() {
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

std::filesystem::path ConfigFolder::Write(const std::string& name, const std::string& text) const {
  const std::filesystem::path path = folder_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path.string());
  return path;
}

Sweep ConfigFolder::Load(const std::string& yaml) const {
  return LoadSweep(Write("sweep.yaml", yaml), FakeCatalog(), FakeOperators());
}

std::string ConfigFolder::ErrorOf(const std::string& yaml) const {
  try {
    Load(yaml);
  } catch (const ConfigError& error) {
    std::string message = error.what();
    const std::string prefix = folder_.string() + "/";
    for (std::size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix)) {
      message.erase(at, prefix.size());
    }
    return message;
  }
  return "";
}

void ExpectMistakes(std::span<const Mistake> mistakes) {
  ConfigFolder folder;
  folder.Write("t.csv", "n,c,label\n1,5,x\n");
  for (const Mistake& mistake : mistakes) {
    EXPECT_EQ(folder.ErrorOf(mistake.text), mistake.message) << mistake.text;
  }
}

std::vector<std::string> ProblemsOf(const Sweep& sweep) {
  std::vector<std::string> ids;
  for (const Case& c : sweep.cases) {
    const std::string id = c.problem.op->ProblemId(c.problem);
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

std::vector<std::string> IdsOf(const Sweep& sweep) {
  std::vector<std::string> ids;
  for (const Case& c : sweep.cases) ids.push_back(c.Id());
  return ids;
}

}  // namespace assay::testing
