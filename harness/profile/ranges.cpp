#include "harness/profile/ranges.h"

#if ASSAY_HAVE_NVTX
#include <nvtx3/nvtx3.hpp>
#endif

namespace assay {

const char* NameOf(ProfileRange::Kind kind) {
  switch (kind) {
    case ProfileRange::Kind::kSweep:
      return "sweep";
    case ProfileRange::Kind::kCase:
      return "case";
    case ProfileRange::Kind::kVerify:
      return "verify";
    case ProfileRange::Kind::kWarmUp:
      return "warm-up";
    case ProfileRange::Kind::kMeasure:
      return "measure";
  }
  return "?";  // a value outside of the enumeration
}

#if ASSAY_HAVE_NVTX
namespace {

struct AssayDomain {
  static constexpr const char* name = "assay";
};

// Category ids start at 1: 0 means "no category" to NVTX.
std::uint32_t CategoryOf(ProfileRange::Kind kind) { return static_cast<std::uint32_t>(kind) + 1; }

nvtx3::category Category(ProfileRange::Kind kind) {
  // Naming a category is a call into the tool; once a process is enough.
  [[maybe_unused]] static const bool named = [] {
    using Kind = ProfileRange::Kind;
    for (Kind k : {Kind::kSweep, Kind::kCase, Kind::kVerify, Kind::kWarmUp, Kind::kMeasure}) {
      nvtx3::named_category_in<AssayDomain>(CategoryOf(k), NameOf(k));
    }
    return true;
  }();
  return nvtx3::category(CategoryOf(kind));
}

nvtx3::color Colour(ProfileRange::Kind kind) {
  switch (kind) {
    case ProfileRange::Kind::kSweep:
      return nvtx3::rgb(0x60, 0x60, 0x60);
    case ProfileRange::Kind::kCase:
      return nvtx3::rgb(0x33, 0x66, 0xcc);
    case ProfileRange::Kind::kVerify:
      return nvtx3::rgb(0xcc, 0x99, 0x00);
    case ProfileRange::Kind::kWarmUp:
      return nvtx3::rgb(0x99, 0x66, 0xcc);
    case ProfileRange::Kind::kMeasure:
      return nvtx3::rgb(0x33, 0x99, 0x55);
  }
  return nvtx3::rgb(0, 0, 0);
}

// scoped_range_in may not be a member of a class that others may put where they like, so its two calls are
// made here.
void Push(ProfileRange::Kind kind, const nvtx3::message& message, std::uint64_t payload) {
  const nvtx3::event_attributes attributes(message, Category(kind), Colour(kind), nvtx3::payload(payload));
  nvtxDomainRangePushEx(nvtx3::domain::get<AssayDomain>(), attributes.get());
}

}  // namespace

ProfileRange::ProfileRange(Kind kind, const std::string& message, std::uint64_t payload) {
  Push(kind, nvtx3::message(message), payload);
}
ProfileRange::ProfileRange(Kind kind, std::uint64_t payload) {
  Push(kind, nvtx3::message(NameOf(kind)), payload);
}
ProfileRange::~ProfileRange() { nvtxDomainRangePop(nvtx3::domain::get<AssayDomain>()); }

#else

ProfileRange::ProfileRange(Kind, const std::string&, std::uint64_t) {}
ProfileRange::ProfileRange(Kind, std::uint64_t) {}
ProfileRange::~ProfileRange() = default;

#endif

}  // namespace assay
