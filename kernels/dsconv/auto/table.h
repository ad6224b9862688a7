// kernels/dsconv/tuned.csv as `auto` has it: the lines are compiled in, and read when a plan is made.
#pragma once

#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/dsconv/auto/sizes.h"

namespace assay::dsconv::automatic {

struct TableRow {
  std::string_view gpu, problem;  // id
  int capability = 0;             // 10 * major + minor
  int sms = 0;
  Sizes sizes{};
  assay_dtype dtype = ASSAY_F32;
  assay_layout layout = ASSAY_NCHW;
  std::string_view variant, configuration;
  double us = 0;
};

// The text up to the next comma, which is taken off.
inline std::string_view NextField(std::string_view& line) {
  const std::size_t end = line.find(',');
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

template <class Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// "gpu,capability,sms,op,problem,dtype,layout,variant,configuration,median_us", as `assay tune` writes it;
// nothing for a line that is none. `line` outlives the row.
inline std::optional<TableRow> ParseRow(std::string_view line) {
  TableRow row;
  row.gpu = NextField(line);
  double capability = 0;
  if (!ParseNumber(NextField(line), capability) || !ParseNumber(NextField(line), row.sms))
    return std::nullopt;
  row.capability = static_cast<int>(capability * 10 + 0.5);
  if (NextField(line) != "dsconv") return std::nullopt;
  row.problem = NextField(line);
  const std::optional<Sizes> sizes = ParseSizes(row.problem);
  if (!sizes) return std::nullopt;
  row.sizes = *sizes;
  const std::string_view dtype = NextField(line), layout = NextField(line);
  row.dtype = dtype == "fp32" ? ASSAY_F32 : (dtype == "fp16" ? ASSAY_F16 : ASSAY_BF16);
  row.layout = layout == "nhwc" ? ASSAY_NHWC : ASSAY_NCHW;
  if (row.dtype == ASSAY_BF16 && dtype != "bf16") return std::nullopt;
  if (row.layout == ASSAY_NCHW && layout != "nchw") return std::nullopt;
  row.variant = NextField(line), row.configuration = NextField(line);
  if (!ParseNumber(line, row.us) || !(row.us > 0)) return std::nullopt;
  return row;
}

// How far a row is from what is asked for: first the GPU, 0 for itself, then the dtype, 0 for itself. Nothing
// where it says nothing of it.
inline std::optional<std::pair<int, int>> FarnessOf(const TableRow& row, const assay_device_info& device,
                                                    assay_dtype dtype, assay_layout layout) {
  const bool itself = row.gpu == std::string_view(device.name);
  if (row.layout != layout || (!itself && row.capability != device.compute_capability)) return std::nullopt;
  const assay_dtype other = dtype == ASSAY_F16 ? ASSAY_BF16 : (dtype == ASSAY_BF16 ? ASSAY_F16 : ASSAY_F32);
  if (row.dtype != dtype && row.dtype != other) return std::nullopt;
  return std::pair(itself ? 0 : 1 + std::abs(row.sms - device.num_sms), row.dtype == dtype ? 0 : 1);
}

// The rows that say something of problems of this dtype and layout on this device. Of each problem those of
// the GPU itself, or else of the one of the same compute capability whose number of multiprocessors comes
// closest; of the dtype itself, or else of the other one of 16 bits.
inline std::vector<TableRow> RowsFor(const std::vector<TableRow>& all, const assay_device_info& device,
                                     assay_dtype dtype, assay_layout layout) {
  struct Nearest {
    std::pair<int, int> farness;
    std::string_view gpu;
  };
  std::map<std::string_view, Nearest> of_problem;
  for (const TableRow& row : all) {
    const auto farness = FarnessOf(row, device, dtype, layout);
    if (!farness) continue;
    const auto [at, is_first] = of_problem.try_emplace(row.problem, Nearest{*farness, row.gpu});
    if (!is_first && *farness < at->second.farness) at->second = {*farness, row.gpu};
  }
  std::vector<TableRow> rows;
  for (const TableRow& row : all) {
    const auto farness = FarnessOf(row, device, dtype, layout);
    if (!farness) continue;
    const Nearest& nearest = of_problem.at(row.problem);
    if (*farness == nearest.farness && row.gpu == nearest.gpu) rows.push_back(row);
  }
  return rows;
}

}  // namespace assay::dsconv::automatic
