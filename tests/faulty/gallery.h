// The gallery: kernels with one fault each, which judging and timing must catch, and right ones beside them,
// which they must not accuse. `assay selftest` runs them. A row stands here, its kernel in the file of its
// class.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace assay::faulty {

// What kind of mistake it is; a class is a file of kernels.
enum class Class : int {
  kOutput,       // output.cu: what is written has little to do with the operator
  kComposition,  // composition.cu: another operator is computed, right on some problems
  kEdges,        // edges.cu: wrong at the edge of an image, a channel count or a grid
  kArithmetic,   // arithmetic.cu: coarser or stranger arithmetic than promised
  kMemory,       // memory.cu: reads or writes where it should not
  kReplay,       // replay.cu: right once, and then something else than the work
  kCooperation,  // cooperation.cu: threads of a block that do not wait for each other
  kTiming,       // timing.cu: right, and faster on paper than in truth
  kProcess,      // process.cu: takes the process down that it runs in
  kControl,      // control.cu: right
};

// What may catch a fault: any of these bits. Those of judging steps are 1 << Step (harness/record/record.h).
enum Catcher : std::uint32_t {
  kExact = 1U << 0,
  kBounded = 1U << 1,
  kPrecision = 1U << 2,
  kSpecialValues = 1U << 3,
  kMemory = 1U << 4,
  kOrder = 1U << 5,
  kAfterTiming = 1U << 6,
  kLaunch = 1U << 7,      // the launch reports that it failed
  kClock = 1U << 8,       // no time is given for it, or the second clock disagrees with the time that is
  kWorker = 1U << 9,      // the process that runs the kernels is lost
  kSanitizer = 1U << 10,  // compute-sanitizer's racecheck, which looks at what a GPU's timing may hide
  kValues = kExact | kBounded,
};

// What it takes to show the fault: all of these bits.
enum Need : std::uint32_t {
  kNothing = 0,
  kGpu = 1U << 0,      // the host device cannot show it
  kTimed = 1U << 1,    // shows while it is timed only; a GPU, too
  kWorkers = 1U << 2,  // must not be run in the judge's own process
  kBig = 1U << 3,      // a problem of more than 2^31 elements, of its own
  kRaces = 1U << 4,    // on a GPU its warps may happen to keep the order, so racecheck watches it as well
};

struct Row {
  const char* name;  // of the variant
  Class kind;
  const char* fault;  // one sentence: what it does otherwise than the operator says; of a control, what it is
  std::uint32_t caught_by;  // any of Catcher; 0: a control
  std::uint32_t needs;      // all of Need
  const char* seen_in;      // the public harness that it fooled; empty: none is known
};

inline constexpr Row kRows[] = {
#define ASSAY_FAULTY(name, kind, fault, caught_by, needs, seen_in) \
  {#name, Class::kind, fault, caught_by, needs, seen_in},
#include "tests/faulty/gallery_rows.inc"
#undef ASSAY_FAULTY
};

constexpr bool IsControl(const Row& row) { return row.kind == Class::kControl; }

// The row of a kernel. A kernel without a row does not compile.
consteval const Row& RowOf(std::string_view name) {
  for (const Row& row : kRows) {
    if (name == row.name) return row;
  }
  throw "the kernel has no row in gallery_rows.inc";
}

// One problem of the standard set, and in which dtype and layout it is run.
struct StandardProblem {
  const char* id;
  const char* dtype;
  const char* layout;
  const char* covers;  // what no other problem of the set shows
};

// The standard set covers the classes of problems that kernels go wrong on; no fault has a problem of its
// own.
inline constexpr StandardProblem kStandardSet[] = {
    {"n1c1k1h1w1r1", "fp32", "nchw", "the least of everything"},
    {"n2c3k5h9w7r3p1-b-mid.relu6-out.relu", "fp32", "nchw", "odd channels, a batch, both biases"},
    {"n1c16k16h8w8r3p1-b-mid.relu", "fp32", "nhwc", "as many channels out as in, a square image"},
    {"n1c9k6h13w10r3p1st2x1-b-mid.relu", "fp16", "nchw", "strides that differ"},
    {"n1c4k6h15w19r3p2d2x3-bdw-out.relu6", "bf16", "nhwc", "dilations that differ"},
    {"n1c5k4h12w11r5p2-bdw-mid.relu6", "fp32", "nhwc", "a 5x5 kernel"},
    {"n1c6k7h11w13r7p3-bpw-out.relu6", "fp16", "nhwc", "a 7x7 kernel"},
    {"n1c3k2h9w8r3p0x1x2x0-b-mid.relu-out.relu", "fp32", "nchw", "padding on some sides only"},
    {"n3c7k9h6w6r3p1-b-mid.silu-out.silu", "fp32", "nchw", "silu"},
    {"n2c10k12h7w9r3p1-b-mid.hardswish-out.hardswish", "fp32", "nhwc", "hardswish"},
    {"n1c34k40h11w37r3p1-b-mid.relu", "fp16", "nchw", "larger than a tile along every axis"},
    {"n1c17k3h17w16r3p1st2-bpw", "bf16", "nchw", "stride 2, fewer channels out than in"},
    {"n1c96k8h6w5r3p1", "fp32", "nchw", "long sums"},
    {"n4c8k4h5w5r3", "fp32", "nhwc", "no padding, no bias, no activation"},
};

// More than 2^31 elements of x in few of y.
inline constexpr StandardProblem kBigProblem = {"n3c1k1h32768w32768r1st256", "fp16", "nchw",
                                                "offsets beyond 2^31"};

}  // namespace assay::faulty
