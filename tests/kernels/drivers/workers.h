// Threads that wait for work between cases.
//
// A program that starts threads for every call starts a hundred thousand of them, and the thread sanitizer's runtime of
// gcc 12 now and then stands still, at full load, where one starts or ends.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pyvae::driver {

class Workers {
 public:
  // `count` with the thread that calls `run`.
  explicit Workers(int count) {
    for (int k = 1; k < count; ++k) others_.emplace_back([this, k] { work(k); });
  }
  ~Workers() {
    hand_out(nullptr);
    for (std::thread& other : others_) other.join();
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return static_cast<int>(others_.size()) + 1; }

  // task(k) on the k-th thread, all at the same time; returns when every one has ended.
  void run(const std::function<void(int)>& task) {
    hand_out(&task);
    task(0);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void hand_out(const std::function<void(int)>* task) {
    const std::lock_guard lock(mutex_);
    task_ = task, busy_ = others_.size(), ++round_;
    changed_.notify_all();
  }

  void work(int k) {
    for (int64_t seen = 0;;) {
      const std::function<void(int)>* task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return round_ != seen; });
        seen = round_, task = task_;
      }
      if (task == nullptr) return;
      (*task)(k);
      const std::lock_guard lock(mutex_);
      if (--busy_ == 0) changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void(int)>* task_ = nullptr;  // none: the end
  int64_t round_ = 0;
  size_t busy_ = 0;  // threads that have not ended this round's task
  std::vector<std::thread> others_;
};

}  // namespace pyvae::driver
