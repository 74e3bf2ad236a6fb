#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/kubernetes/api_server.h"
#include "agent/kubernetes/https_get.h"
#include "agent/kubernetes/pod_json.h"
#include "agent/kubernetes/pod_table.h"
#include "agent/telemetry/loss_ledger.h"
#include "base/backoff.h"

namespace sonde::kubernetes {

struct PodWatchOptions {
  ApiServer server;
  std::string node;  // whose pods
  WantedMetadata wanted;
};

// How the watch is doing.
struct PodWatchState {
  size_t pods = 0;
  bool is_current = false;           // the last answer was good
  std::string error;                 // the last one; empty while current
  int64_t last_success_unix_ns = 0;  // 0: never
};

// Owns the thread "sonde-pods", which keeps a PodTable as the Kubernetes API has it: one list of this node's pods, then
// a watch from there on. A watch that ends is begun again where it was; where the API has forgotten that (410 Gone),
// the list is asked for anew. What fails is tried again, from the list on, after a pause: full jitter, up to a minute,
// and not before a Retry-After. A token that is refused (401) is such a failure: each try reads the token's file. While
// nothing answers, the table stays as it was. Nobody else ever waits for the API.
class PodWatch {
 public:
  // `table` and `losses` must outlive this.
  PodWatch(PodWatchOptions options, PodTable* table, telemetry::LossLedger* losses);
  ~PodWatch();  // as Stop()

  void Start();
  // Breaks off what runs and joins. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  PodWatchState State() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  absl::Status ListOnce();
  absl::Status WatchOnce();
  std::string PodsPath() const;
  absl::Status ListAndWatch();
  absl::Status Apply(std::string_view line);
  absl::Status Judge(const HttpsAnswer& answer);
  void Succeed() ABSL_LOCKS_EXCLUDED(mutex_);
  void Fail(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);
  // False: to stop.
  bool Pause() ABSL_LOCKS_EXCLUDED(mutex_);

  const PodWatchOptions options_;
  PodTable* const table_;
  telemetry::LossLedger* const losses_;
  HttpsGet https_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  PodWatchState state_ ABSL_GUARDED_BY(mutex_);

  // Of the thread alone.
  std::string resource_version_;  // empty: to be listed
  bool is_cache_behind_ = false;  // the API's cache gave a list that it could not go on from
  base::Backoff backoff_;
  bool must_pause_ = false;  // what was tried last failed, or ended too soon
  absl::Duration retry_after_;
  absl::BitGen random_;

  std::thread thread_;
};

}  // namespace sonde::kubernetes
