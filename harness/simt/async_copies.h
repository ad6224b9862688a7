// One lane's asynchronous copies into shared memory (PTX cp.async), held back until the lane waits for them.
#pragma once

#include <cstdint>
#include <vector>

namespace assay::simt {

class AsyncCopies {
 public:
  void Add(void* to, const void* from, unsigned bytes, unsigned source_bytes) {
    pending_.push_back({to, from, bytes, source_bytes, groups_});
  }
  void Commit() { ++groups_; }
  // Makes the copies of all committed groups but the latest `groups_left`, in the order in which they were
  // added.
  void Wait(std::uint64_t groups_left);
  // Makes all of them, committed or not.
  void WaitAll();
  // Forgets those not waited for.
  void Clear() {
    pending_.clear();
    groups_ = 0;
  }

 private:
  struct Copy {
    void* to;
    const void* from;
    unsigned bytes;
    unsigned source_bytes;
    std::uint64_t group;
  };
  void ApplyBefore(std::uint64_t group);

  std::vector<Copy> pending_;
  std::uint64_t groups_ = 0;  // committed so far; the number of the open group
};

}  // namespace assay::simt
