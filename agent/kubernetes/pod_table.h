#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "agent/model/pod_info.h"

namespace sonde::kubernetes {

// The pods of this node, by what control groups tell of them. Thread-safe; locks are held for look-ups and changes in
// memory only.
class PodTable : public model::PodDirectory {
 public:
  // A kubelet runs 110 unless told otherwise.
  static constexpr size_t kMaxPods = 1'024;

  explicit PodTable(size_t max_pods = kMaxPods) : max_pods_(max_pods) {}

  // These are all that there are. Returns how many there was no room for.
  size_t Replace(std::vector<model::PodInfo> pods) ABSL_LOCKS_EXCLUDED(mutex_);
  // False: no room.
  bool Set(model::PodInfo pod) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const std::string& uid) ABSL_LOCKS_EXCLUDED(mutex_);
  size_t Size() const ABSL_LOCKS_EXCLUDED(mutex_);

  model::PodInfoPtr Find(const std::string& container_id, const std::string& pod_uid) const override
      ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t Version() const override { return version_; }

 private:
  using Pods = absl::flat_hash_map<std::string, model::PodInfoPtr>;

  void Take(const std::string& uid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Put(model::PodInfo pod) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_pods_;
  std::atomic<uint64_t> version_ = 0;
  mutable absl::Mutex mutex_;
  Pods by_uid_ ABSL_GUARDED_BY(mutex_);
  Pods by_static_uid_ ABSL_GUARDED_BY(mutex_);
  Pods by_container_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::kubernetes
