#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
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

  // The same for a mapping that was there a moment ago and may be gone, or hold another file by now, which then is not
  // taken for it. `open_process` opens the /proc folder; it is called only when the file is not known yet. Null when
  // that fails.
  model::ExecutableFilePtr FileOfRecord(const MapLine& line, absl::FunctionRef<base::UniqueFd()> open_process);

  // Forgets files nobody uses any more.
  void Expire();

  size_t OpenCount() const { return open_count_->load(); }
  size_t Size() const { return files_.size(); }

 private:
  // What a line of a memory map says about a file; equal for all processes in one mount namespace.
  struct LineKey {
    uint64_t device;
    uint64_t inode;
    std::string name;

    friend bool operator==(const LineKey&, const LineKey&) = default;
    template <typename H>
    friend H AbslHashValue(H state, const LineKey& key) {
      return H::combine(std::move(state), key.device, key.inode, key.name);
    }
  };

  // What needs no opening: memory without a file, and files that are open already and unchanged. Null for others.
  model::ExecutableFilePtr Known(const MapLine& line);
  model::ExecutableFilePtr OpenAt(const base::UniqueFd& place, const MapLine& line, int process_fd);
  model::ExecutableFilePtr Pseudo(const std::string& name);
  // The file that `place` (O_PATH) names; null when it is none to be opened.
  model::ExecutableFilePtr FileAt(const base::UniqueFd& place, const std::string& path, int process_fd);
  model::ExecutableFilePtr Remember(const model::FileIdentity& identity, const std::string& path, base::UniqueFd fd,
                                    std::shared_ptr<const base::UniqueFd> root);
  // The process's root folder, one descriptor for all who have the same; null when it is the agent's own.
  std::shared_ptr<const base::UniqueFd> RootOf(int process_fd);
  bool MayRead(const base::UniqueFd& place, uint64_t device);
  base::UniqueFd OpenForReading(const base::UniqueFd& place);

  const size_t max_open_;
  telemetry::LossLedger* const ledger_;
  // Shared with every file handed out: those may outlive this, and end in any thread.
  std::shared_ptr<std::atomic<size_t>> open_count_ = std::make_shared<std::atomic<size_t>>(0);
  absl::flat_hash_map<model::FileIdentity, std::weak_ptr<const model::ExecutableFile>> files_;
  absl::flat_hash_map<LineKey, std::weak_ptr<const model::ExecutableFile>> by_line_;
  absl::flat_hash_map<std::string, model::ExecutableFilePtr> pseudo_;
  absl::flat_hash_map<uint64_t, bool> may_read_;  // by device
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, std::weak_ptr<const base::UniqueFd>>
      roots_;  // by device and inode
};

}  // namespace sonde::process
