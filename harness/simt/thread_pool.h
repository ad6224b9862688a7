// Operating-system threads that stay between launches.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace assay::simt {

class ThreadPool {
 public:
  ThreadPool() = default;
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Calls `job` on this thread and on up to threads - 1 others at once, and returns when all calls have
  // returned. A thread that wakes up after this one's call has returned is not waited for: `job` takes its
  // share of the work from a common counter. `job` must not throw. One call at a time.
  void Run(int threads, const std::function<void()>& job);

 private:
  void Work(int number);

  std::mutex mutex_;
  std::condition_variable job_changed_;
  std::condition_variable worker_left_;
  const std::function<void()>* job_ = nullptr;
  unsigned long long job_number_ = 0;
  int helpers_ = 0;  // that may take part in the job
  int active_ = 0;   // that are in it
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace assay::simt
