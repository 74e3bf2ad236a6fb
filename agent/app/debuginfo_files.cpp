#include "agent/app/debuginfo_files.h"

#include <sys/stat.h>

#include <utility>

#include "agent/elf/debug_extract.h"
#include "base/unique_fd.h"

namespace sonde::app {
namespace {

using Bytes = std::unique_ptr<exporting::DebuginfoBytes>;

class ExtractBytes : public exporting::DebuginfoBytes {
 public:
  // `fd`: of the debug file, if it is that.
  ExtractBytes(base::UniqueFd fd, elf::DebugExtract extract) : fd_(std::move(fd)), extract_(std::move(extract)) {}
  uint64_t SizeBytes() const override { return extract_.SizeBytes(); }
  bool ReadAt(uint64_t offset, std::span<char> out) const override {
    return extract_.ReadAt(offset, std::as_writable_bytes(out));
  }

 private:
  const base::UniqueFd fd_;
  const elf::DebugExtract extract_;
};

// The agent may read what others may not.
bool IsForEverybody(const model::ExecutableFile& program) {
  struct stat info {};
  return ::fstat(program.fd.Get(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

// `fd`: of the debug file, if it is that, else invalid.
absl::StatusOr<Bytes> BytesOf(absl::StatusOr<elf::ExtractPlan> plan, elf::ByteSource source, base::UniqueFd fd) {
  if (!plan.ok()) return plan.status();
  auto extract = elf::DebugExtract::Of(*std::move(plan), source);
  if (!extract.ok()) return extract.status();
  return std::make_unique<ExtractBytes>(std::move(fd), *std::move(extract));
}

}  // namespace

worker::KeptWorker::Options DebuginfoFiles::WithHarm(worker::KeptWorker::Options options) {
  options.harm = "no debug information is given away";
  return options;
}

absl::StatusOr<worker::FileExtract> DebuginfoFiles::Ask(int fd, uint64_t size_bytes, bool is_debug_file) const {
  absl::MutexLock lock(&mutex_);
  absl::StatusOr<worker::FileExtract> extract = worker_.Ask(fd, size_bytes, is_debug_file);
  if (!extract.ok() && !absl::IsCancelled(extract.status())) {
    losses_->Add("debuginfo_unread", "file with debug information",
                 "Parca is not given it: the worker that reads it was lost, or is not there", 1);
  }
  return extract;
}

std::string DebuginfoFiles::BuildIdOf(const model::ExecutableFile& program) const {
  if (!IsForEverybody(program)) return "";
  const auto told = Ask(program.fd.Get(), static_cast<uint64_t>(program.identity.size_bytes), /*is_debug_file=*/false);
  return told.ok() ? told->build_id : "";
}

absl::StatusOr<Bytes> DebuginfoFiles::Open(const model::ExecutableFile& program, const std::string& build_id) const {
  const auto size_bytes = static_cast<uint64_t>(program.identity.size_bytes);
  auto own = Ask(program.fd.Get(), size_bytes, /*is_debug_file=*/false);
  if (!own.ok()) return own.status();
  names::FileReply told;
  told.build_id = build_id;
  told.debug_link = own->debug_link;
  for (const symbolize::DebugFiles::Place& place : symbolize::DebugFiles::PlacesOf(program, told)) {
    symbolize::DebugFile found = debug_files_.Open(place, program);
    if (!found.fd.IsValid()) continue;
    auto extract = Ask(found.fd.Get(), found.size_bytes, /*is_debug_file=*/true);
    if (!extract.ok() || extract->build_id != build_id) continue;
    const elf::ByteSource source(found.fd.Get(), found.size_bytes);
    if (auto bytes = BytesOf(std::move(extract->plan), source, std::move(found.fd)); bytes.ok()) return bytes;
  }
  return BytesOf(std::move(own->plan), elf::ByteSource(program.fd.Get(), size_bytes), base::UniqueFd());
}

}  // namespace sonde::app
