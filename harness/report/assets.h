// The files of reports/ and the charting library, as they were when the program was built (see
// CMakeLists.txt).
#pragma once

#include <string_view>

#define ASSAY_ASSET(name)                     \
  extern "C" const char assay_asset_##name[]; \
  extern "C" const char assay_asset_##name##_end[];

ASSAY_ASSET(chart_js)
ASSAY_ASSET(template_html)
ASSAY_ASSET(report_css)
ASSAY_ASSET(data_js)
ASSAY_ASSET(filters_js)
ASSAY_ASSET(charts_js)
ASSAY_ASSET(table_js)
ASSAY_ASSET(report_js)

#undef ASSAY_ASSET

namespace assay {

inline std::string_view Asset(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace assay
