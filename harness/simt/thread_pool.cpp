#include "harness/simt/thread_pool.h"

namespace assay::simt {

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  job_changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int threads, const std::function<void()>& job) {
  if (threads <= 1) {
    job();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    while (static_cast<int>(workers_.size()) < threads - 1) {
      workers_.emplace_back(&ThreadPool::Work, this, static_cast<int>(workers_.size()));
    }
    job_ = &job;
    ++job_number_;
    helpers_ = threads - 1;
  }
  job_changed_.notify_all();
  job();
  std::unique_lock lock(mutex_);
  job_ = nullptr;
  worker_left_.wait(lock, [this] { return active_ == 0; });
}

void ThreadPool::Work(int number) {
  unsigned long long seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    job_changed_.wait(lock,
                      [&] { return stop_ || (job_ != nullptr && job_number_ != seen && number < helpers_); });
    if (stop_) return;
    seen = job_number_;
    const std::function<void()>& job = *job_;
    ++active_;
    lock.unlock();
    job();
    lock.lock();
    --active_;
    if (active_ == 0) worker_left_.notify_one();
  }
}

}  // namespace assay::simt
