// What the probe (probe.cpp) prints about a pack, in a process of its own.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

namespace assay::testing {

// `environment`: the shell's variable assignments for the probe.
inline std::string ProbePack(const std::string& pack, const std::string& environment = "") {
  const std::string command = "env -u ASSAY_CUDNN_LIBRARY -u ASSAY_CUBLASLT_LIBRARY " + environment +
                              " '" ASSAY_TEST_PROBE "' '" + pack + "' 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot run " << command;
    return "";
  }
  std::string output;
  std::array<char, 4096> chunk;
  while (std::fgets(chunk.data(), chunk.size(), pipe) != nullptr) output += chunk.data();
  EXPECT_EQ(pclose(pipe), 0) << command << "\n" << output;
  return output;
}

// The value of one line of the probe's output.
inline std::string ProbedLine(const std::string& output, const std::string& key) {
  const std::string start = "\n" + key + ": ";
  const std::string text = "\n" + output;
  const auto at = text.find(start);
  if (at == std::string::npos) return "no line '" + key + "'";
  const auto value = at + start.size();
  return text.substr(value, text.find('\n', value) - value);
}

}  // namespace assay::testing
