// What judging computes on the CPU once and uses for every variant and layout of a problem: the inputs' bits
// in device order, and the fp64 reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/record/stage_clock.h"
#include "harness/verify/host_array.h"
#include "reference/operator.h"
#include "reference/tensor_vector.h"

namespace assay {

// What inputs are drawn from, and with them the right result.
struct Drawing {
  const Problem* problem = nullptr;
  assay_dtype dtype = ASSAY_F32;
  FillKind kind = FillKind::kRandom;
  std::uint64_t seed = 0;
  assay_promise promise = {};  // a probe's limits depend on it
  // One element of an input of this role is another; `change_number` tells several such drawings apart.
  std::optional<TensorRole> change = {};
  std::uint64_t change_number = 0;
  // Spikes (harness/device/spikes.h) of that seed in every activation, where this layout puts them.
  struct Spiked {
    assay_layout layout = ASSAY_NCHW;
    std::uint64_t seed = 0;
  };
  std::optional<Spiked> spikes = {};

  // NaN or infinities stand among the inputs.
  bool HasSpecialValues() const { return kind == FillKind::kSpecial || change == TensorRole::kActivation; }
};

// True if the right values are exact in the dtype, or rounded to it once.
bool HasExactReference(const Drawing& drawing);
// No element of the inputs is such that changing it changes the output.
class NothingToChange : public std::runtime_error {
 public:
  NothingToChange() : std::runtime_error("no element of the inputs changes the output") {}
};
// The inputs in logical order. Throws NothingToChange.
std::vector<TensorVector<float>> DrawInputs(const Drawing& drawing);

// One output's right values.
struct OutputReference {
  // Exact ones as a right kernel leaves them in device memory, in a layout's order: what equals them bit for
  // bit needs no further look.
  TensorVector<std::byte> bits;
  bool has_nan = false;  // among them
  // Others in logical order.
  HostArray<double> reference;  // the values
  HostArray<float> magnitude;   // the sums of |terms|, rounded up so that no bound gets smaller
  std::int64_t idle = 0;        // of the values: those that Operator::IdleValues() names; not of probes
};

using Reference = std::vector<OutputReference>;

// Keeps what was used last within a number of bytes. A problem never drives out its own results, because
// several seeds taken in turn would then drive out one another each time: what does not fit beside them is
// computed anew. Of other problems little is kept, because a sweep comes back to none.
class ReferenceCache {
 public:
  // `of_others`: how much of it entries of problems may have that are not the one asked for. Memory that was
  // in use before costs less than memory that never was.
  static constexpr std::size_t kOfOthers = std::size_t{1} << 30;
  explicit ReferenceCache(std::size_t bytes, std::size_t of_others = kOfOthers)
      : budget_(bytes), of_others_(of_others) {}

  // The inputs as device memory holds them, in the order of assay_buffers.inputs; an absent one is empty.
  std::shared_ptr<const TensorBits> InputBits(const Drawing& drawing, assay_layout layout);
  // nullptr if it does not fit: Evaluate() then hands out the same values piece by piece. The layout is that
  // of exact values.
  std::shared_ptr<const Reference> Find(const Drawing& drawing, assay_layout layout);
  void Evaluate(const Drawing& drawing, const OutputSink& sink);

  // The seconds of "inputs" and "reference" are that clock's.
  void CountOn(StageClock* clock) { clock_of_stages_ = clock; }
  StageClock* stage_clock() const { return clock_of_stages_; }

  void Clear();
  std::size_t bytes() const { return held_; }
  std::size_t budget() const { return budget_; }
  int evaluations() const { return evaluations_; }  // how often the operator was evaluated

 private:
  using LogicalInputs = std::vector<TensorVector<float>>;
  struct Entry {
    std::shared_ptr<const void> value;
    std::size_t bytes = 0;
    std::string problem;
    bool cheap = false;  // made again faster than a reference is evaluated
    std::uint64_t used = 0;
  };

  template <class T>
  std::shared_ptr<const T> Lookup(const std::string& key);
  void Keep(const std::string& key, const Drawing& drawing, std::shared_ptr<const void> value,
            std::size_t bytes, bool cheap);
  // Drives out other entries until `bytes` more fit; false if that is not possible.
  bool MakeRoom(std::size_t bytes, const std::string& problem, bool cheap);
  // Drives out the entry that was not used for longest, of those that may go; false if none may.
  template <class MayGo>
  bool EvictOldest(const MayGo& may_go);
  std::shared_ptr<const LogicalInputs> Inputs(const Drawing& drawing);
  std::shared_ptr<const Reference> MakeExact(const Drawing& drawing, assay_layout layout);
  std::shared_ptr<const Reference> MakeBounded(const Drawing& drawing);

  std::size_t budget_, of_others_;
  std::size_t held_ = 0;
  std::uint64_t clock_ = 0;
  StageClock* clock_of_stages_ = nullptr;
  int evaluations_ = 0;
  std::map<std::string, Entry> entries_;
  // The inputs drawn last, kept whatever the budget: the bits and the reference are both made from them.
  std::string last_key_;
  std::shared_ptr<const LogicalInputs> last_inputs_;
};

}  // namespace assay
