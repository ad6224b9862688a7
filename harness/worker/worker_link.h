// The supervisor's line to its worker: asks with a time limit, forgets what belonged to a worker that is
// gone, and starts another one.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/worker/channel.h"
#include "harness/worker/surroundings.h"
#include "harness/worker/worker_process.h"

namespace assay {

class WorkerLink {
 public:
  explicit WorkerLink(std::vector<std::string> command);

  // Starts a worker, in place of the one that there may be.
  void Start();
  bool alive() const { return process_ != nullptr; }
  // Counts the workers: what carries another generation's number is gone.
  std::uint64_t generation() const { return generation_; }

  // What the worker says. Its own errors are thrown as DeviceError (sticky: the worker has been given up),
  // VariantError or std::runtime_error; WorkerLost if it is gone. `extra_seconds` are on top of what is left
  // of the limit.
  nlohmann::json Call(nlohmann::json request, const std::string& doing, double extra_seconds = 0);
  // Sent along with the next call; what cannot be sent any more is dropped.
  void Later(nlohmann::json request, std::uint64_t generation) noexcept;

  // The time that calls may take in all from now on.
  void SetLimit(double seconds);
  // Whose launch it is, for sentences.
  void SetCase(const std::string& id) { case_ = id; }

  // Of the worker process: see surroundings.h.
  std::string Surroundings() const { return process_ ? SurroundingsOf(process_->pid()) : std::string(); }

  const SharedBlock& block() const { return block_; }
  const std::string& last_fault() const { return last_fault_; }
  std::string TakeOutput() { return process_ ? process_->TakeOutput() : std::exchange(left_output_, {}); }

 private:
  [[noreturn]] void ThrowError(const nlohmann::json& answer);

  std::vector<std::string> command_;
  SharedBlock block_;
  std::unique_ptr<WorkerProcess> process_;
  std::uint64_t generation_ = 0;
  nlohmann::json later_ = nlohmann::json::array();
  double limit_ = 0, left_ = 0;
  std::string case_, last_fault_, left_output_;
};

}  // namespace assay
