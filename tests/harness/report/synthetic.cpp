#include "tests/harness/report/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>

#include "fmt/core.h"
#include "harness/record/statistics.h"

namespace assay::testing {
namespace {

struct Layer {
  const char* network;
  std::int64_t n, c, k, side, kernel, stride;
};

constexpr std::array kLayers = {
    Layer{"MobileNetV1", 128, 32, 64, 112, 3, 1},   Layer{"MobileNetV1", 128, 64, 128, 112, 3, 2},
    Layer{"MobileNetV1", 128, 128, 128, 56, 3, 1},  Layer{"MobileNetV1", 128, 256, 256, 28, 3, 1},
    Layer{"MobileNetV1", 128, 512, 512, 14, 3, 1},  Layer{"MobileNetV1", 128, 1024, 1024, 7, 3, 1},
    Layer{"MobileNetV2", 128, 144, 24, 56, 3, 1},   Layer{"MobileNetV2", 128, 192, 32, 28, 3, 1},
    Layer{"MobileNetV2", 128, 384, 64, 14, 3, 1},   Layer{"MobileNetV2", 128, 960, 160, 7, 3, 1},
    Layer{"Xception", 32, 728, 728, 19, 3, 1},      Layer{"Xception", 32, 256, 728, 37, 3, 1},
    Layer{"KernelBench86", 16, 64, 128, 512, 3, 1},
};

struct Variant {
  const char* name;
  bool baseline;
  double slowdown;  // over the floor
};

constexpr std::array kVariants = {Variant{"naive", false, 14}, Variant{"tiled", false, 2.0},
                                  Variant{"warp_shuffle", false, 3.1}, Variant{"cudnn", true, 4.2},
                                  Variant{"cudnn_two_plans", true, 3.4}};

// Of a made-up device.
constexpr Ceilings kCeilings = {2.9e12, 5.6e13, 6.3e14, 6.2e14, 3.6e14};

double MatrixCeiling(const std::string& dtype) {
  if (dtype == "fp16") return kCeilings.tensor_fp16_flops;
  return dtype == "bf16" ? kCeilings.tensor_bf16_flops : kCeilings.tensor_tf32_flops;
}

Timing MakeTiming(double seconds, int samples, std::mt19937_64& generator) {
  std::lognormal_distribution<double> noise(std::log(seconds), 0.008);
  std::bernoulli_distribution interrupted(0.02);
  Timing timing;
  for (int i = 0; i < samples; ++i)
    timing.samples.push_back(noise(generator) * (interrupted(generator) ? 1.2 : 1.0));
  const Estimate estimate = MedianWithInterval(timing.samples, 0.95);
  timing.median = estimate.median;
  timing.low = estimate.low;
  timing.high = estimate.high;
  timing.stop_reason = "interval";
  timing.wall_seconds = seconds * 1.01;
  timing.clock_agreement = "agrees";
  timing.sm_clock_mhz = 1755;
  return timing;
}

void Pass(Record& record) {
  record.verdict = Verdict::kRight;
  record.steps = {
      {Step::kExact, Outcome::kPassed, "3 seeds, every element equal"},
      {Step::kBounded, Outcome::kPassed, "3 seeds, every element within its bound"},
      {Step::kMemory, Outcome::kPassed, "guard zones whole, inputs unchanged, every output written"},
      {Step::kAfterTiming, Outcome::kPassed, "outputs of the timed launches judged again"}};
}

void MakeWrong(Record& record) {
  record.verdict = Verdict::kWrong;
  record.reason =
      "y[n=3 k=17 h=0 w=55] is 0.125, expected 0.375 within 0.00049; 1792 of 12845056 elements are wrong";
  record.steps = {{Step::kExact, Outcome::kPassed, "3 seeds, every element equal"},
                  {Step::kBounded, Outcome::kFailed, record.reason}};
  record.failure = Failure{Step::kBounded, "y", "n=3 k=17 h=0 w=55", 0.375, 0.125, 0.00049, 1792,
                           12845056,       2,   record.reason};
  record.max_error_share = 510;
}

void MakeUnwell(Record& record, std::size_t place) {
  record.steps.clear();
  record.max_error_share = 0;
  switch (place % 4) {
    case 0:
      MakeWrong(record);
      break;
    case 1:
      record.verdict = Verdict::kFailed;
      record.reason = "the launch failed: an illegal memory access was encountered (cudaErrorIllegalAddress)";
      break;
    case 2:
      record.verdict = Verdict::kUnsupported;
      record.reason = "c = 1024 is not taken: at most 512 channels fit in shared memory";
      break;
    default:
      record.verdict = Verdict::kUnavailable;
      record.reason = "unavailable: libcudnn.so.9 was not found";
  }
}

Record MakeRecord(const Layer& layer, int number, const char* dtype, const char* layout,
                  const Variant& variant, const std::string& device) {
  Record record;
  record.op = "dsconv";
  const std::int64_t out = layer.side / layer.stride;
  const std::int64_t n = layer.n + number / static_cast<int>(kLayers.size());
  record.problem =
      fmt::format("n{}c{}k{}h{}w{}r{}p{}{}", n, layer.c, layer.k, layer.side, layer.side, layer.kernel,
                  layer.kernel / 2, layer.stride > 1 ? fmt::format("s{}", layer.stride) : "");
  record.params = {{"n", n}, {"c", layer.c}, {"k", layer.k}, {"h", layer.side}, {"w", layer.side}};
  record.label = fmt::format("{} layer {}", layer.network, number + 1);
  record.dtype = dtype;
  record.layout = layout;
  record.variant = variant.name;
  record.baseline = variant.baseline;
  record.device = device;
  record.id = fmt::format("dsconv/{}/{}/{}/{}", record.problem, dtype, layout, variant.name);
  record.reproduce =
      fmt::format("build/assay run configs/mobilenet.yaml --device {} --filter '^{}$'", device, record.id);
  const double element = record.dtype == "fp32" ? 4 : 2;
  const double pixels = static_cast<double>(n * out * out);
  record.bytes = element * (static_cast<double>(n * layer.c * layer.side * layer.side + layer.c * layer.k) +
                            pixels * static_cast<double>(layer.k));
  record.flops = 2 * pixels * static_cast<double>(layer.c * (layer.kernel * layer.kernel + layer.k));
  record.plan = variant.baseline ? "engine 34, NHWC, 2 plans" : "tile 8x16, 64 channels a step, 256 threads";
  return record;
}

SweepHeader MakeHeader(const SyntheticOptions& options, int cases) {
  SweepHeader header;
  header.name = "synthetic";
  header.config_path = "configs/mobilenet.yaml";
  header.config_text = "name: synthetic   # made-up numbers\nproblems:\n  - table: shapes/mobilenet_v1.csv\n";
  header.command = "build/assay run configs/mobilenet.yaml";
  header.started = "2025-01-02T03:04:05Z";
  header.assay_version = "0.1.0";
  header.device = options.timed ? "cuda:0" : "host";
  header.timed = options.timed;
  header.environment = {{"GPU", options.timed ? "SYNTHETIC device, nothing here was measured" : "none"},
                        {"driver", "000.00"},
                        {"CUDA", "0.0"},
                        {"cuDNN", "0.0.0"},
                        {"CPU", "SYNTHETIC, 2 threads"}};
  header.method = {{"L2 flush", "memset of twice the L2 cache before each sample, outside the events"},
                   {"sample", "one launch between two CUDA events"},
                   {"interval", "95 %, order statistics"}};
  if (options.timed) {
    header.ceilings = kCeilings;
  } else {
    header.untimed_reason = "kernels ran as fibers on the CPU, whose speed says nothing about a GPU";
  }
  header.planned_cases = cases;
  return header;
}

}  // namespace

Journal SyntheticJournal(const SyntheticOptions& options) {
  std::mt19937_64 generator(options.seed);
  std::lognormal_distribution<double> spread(0.0, 0.25);
  std::uniform_real_distribution<double> uniform(0.05, 0.6);
  Journal journal;
  journal.header = MakeHeader(options, options.problems * 30);
  for (int p = 0; p < options.problems; ++p) {
    const Layer& layer = kLayers[static_cast<std::size_t>(p) % kLayers.size()];
    for (const char* dtype : {"fp32", "fp16", "bf16"}) {
      for (const char* layout : {"nchw", "nhwc"}) {
        for (const Variant& variant : kVariants) {
          Record record = MakeRecord(layer, p, dtype, layout, variant, journal.header.device);
          const std::size_t place = journal.records.size();
          record.case_seconds = 0.4 + uniform(generator);
          record.max_error_share = uniform(generator);
          Pass(record);
          if (options.with_failures && place % 31 == 7) MakeUnwell(record, place / 31);
          if (options.timed) {
            const double matrix = MatrixCeiling(dtype);
            record.floor =
                Floor{record.bytes, record.flops, record.bytes / kCeilings.copy_bytes, record.flops / matrix,
                      record.dtype == "fp32" ? "tensor tf32" : "tensor " + record.dtype};
          }
          if (options.timed && record.verdict == Verdict::kRight) {
            const double seconds =
                record.floor->Seconds() * std::max(1.03, variant.slowdown * spread(generator)) + 2e-6;
            record.timing = MakeTiming(seconds, options.samples, generator);
          }
          journal.records.push_back(std::move(record));
        }
      }
    }
  }
  return journal;
}

}  // namespace assay::testing
