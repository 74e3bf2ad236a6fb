#include "agent/kubernetes/pod_table.h"

#include <utility>

#include "absl/container/flat_hash_set.h"

namespace sonde::kubernetes {
namespace {

model::PodInfoPtr FindIn(const absl::flat_hash_map<std::string, model::PodInfoPtr>& pods, const std::string& key) {
  const auto found = pods.find(key);
  return found != pods.end() ? found->second : nullptr;
}

}  // namespace

void PodTable::Take(const std::string& uid) {
  const auto found = by_uid_.find(uid);
  if (found == by_uid_.end()) return;
  const model::PodInfoPtr pod = found->second;
  for (const auto& [id, name] : pod->containers) by_container_.erase(id);
  by_static_uid_.erase(pod->static_uid);
  by_uid_.erase(found);
  ++version_;
}

bool PodTable::Put(model::PodInfo pod) {
  const model::PodInfoPtr known = FindIn(by_uid_, pod.uid);
  if (known != nullptr && *known == pod) return true;
  Take(pod.uid);
  if (by_uid_.size() >= max_pods_) return false;
  const auto shared = std::make_shared<const model::PodInfo>(std::move(pod));
  by_uid_[shared->uid] = shared;
  if (!shared->static_uid.empty()) by_static_uid_[shared->static_uid] = shared;
  for (const auto& [id, name] : shared->containers) by_container_[id] = shared;
  ++version_;
  return true;
}

size_t PodTable::Replace(std::vector<model::PodInfo> pods) {
  absl::flat_hash_set<std::string> present;
  for (const model::PodInfo& pod : pods) present.insert(pod.uid);
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> gone;
  for (const auto& [uid, pod] : by_uid_) {
    if (!present.contains(uid)) gone.push_back(uid);
  }
  for (const std::string& uid : gone) Take(uid);
  size_t refused = 0;
  for (model::PodInfo& pod : pods) refused += Put(std::move(pod)) ? 0 : 1;
  return refused;
}

bool PodTable::Set(model::PodInfo pod) {
  absl::MutexLock lock(&mutex_);
  return Put(std::move(pod));
}

void PodTable::Remove(const std::string& uid) {
  absl::MutexLock lock(&mutex_);
  Take(uid);
}

size_t PodTable::Size() const {
  absl::MutexLock lock(&mutex_);
  return by_uid_.size();
}

model::PodInfoPtr PodTable::Find(const std::string& container_id, const std::string& pod_uid) const {
  absl::MutexLock lock(&mutex_);
  if (model::PodInfoPtr pod = FindIn(by_container_, container_id)) return pod;
  if (model::PodInfoPtr pod = FindIn(by_uid_, pod_uid)) return pod;
  return FindIn(by_static_uid_, pod_uid);
}

}  // namespace sonde::kubernetes
