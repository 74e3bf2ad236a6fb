#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "agent/model/executable_file.h"
#include "agent/process/memory_map.h"
#include "agent/telemetry/loss_ledger.h"
#include "base/unique_fd.h"

namespace sonde::process {

// Opens what processes run from, safely, and gives all processes that map the same file the same object.
// Only regular files on local file systems are opened, in two steps, so that no FIFO, device or dead server can block
// or be touched; never a path of the target's choosing outside of its own root. Single-threaded.
class ExecutableFiles {
 public:
  // At most `max_open` descriptors; further files are known by identity only, which `ledger` is told.
  // `ledger` must outlive this.
  ExecutableFiles(size_t max_open, telemetry::LossLedger* ledger);

  // The file behind a mapping of the process whose /proc folder is open as `process_fd`. Never null: what cannot be
  // opened has no descriptor, and what has no file is [vdso], [anon] or the like.
  model::ExecutableFilePtr FileOf(int process_fd, const MapLine& line);

  // Forgets files nobody uses any more.
  void Expire();

  size_t OpenCount() const { return open_count_->load(); }
  size_t Size() const { return files_.size(); }

 private:
  model::ExecutableFilePtr Pseudo(const std::string& name);
  // The file that `place` (O_PATH) names; null when it is none to be opened.
  model::ExecutableFilePtr FileAt(const base::UniqueFd& place, const std::string& path);
  model::ExecutableFilePtr Remember(const model::FileIdentity& identity, const std::string& path, base::UniqueFd fd);
  bool MayRead(const base::UniqueFd& place, uint64_t device);
  base::UniqueFd OpenForReading(const base::UniqueFd& place);

  const size_t max_open_;
  telemetry::LossLedger* const ledger_;
  // Shared with every file handed out: those may outlive this, and end in any thread.
  std::shared_ptr<std::atomic<size_t>> open_count_ = std::make_shared<std::atomic<size_t>>(0);
  absl::flat_hash_map<model::FileIdentity, std::weak_ptr<const model::ExecutableFile>> files_;
  absl::flat_hash_map<std::string, model::ExecutableFilePtr> pseudo_;
  absl::flat_hash_map<uint64_t, bool> may_read_;  // by device
};

}  // namespace sonde::process
