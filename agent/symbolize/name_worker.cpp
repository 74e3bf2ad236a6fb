#include "agent/symbolize/name_worker.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sonde::symbolize {

absl::StatusOr<names::FileReply> NameWorker::AskOfFile(names::Request request, int fd) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  request.id = NextRequest();
  const std::span<const int> fds(&fd, fd >= 0 ? 1 : 0);
  if (absl::Status status = Send(request, fds); !status.ok()) return Lose(status);
  auto packet = Receive();
  if (!packet.ok()) return Lose(packet.status());
  auto reply = names::DecodeFileReply(*packet);
  if (!reply.ok()) return Lose(reply.status());
  if (reply->id != request.id) return Lose(absl::InvalidArgumentError("it answered another question"));
  return reply;
}

absl::StatusOr<NameWorker::Resolved> NameWorker::Resolve(uint64_t key, std::span<const uint64_t> offsets,
                                                         bool only_symbols) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  Resolved resolved;
  resolved.places.reserve(offsets.size());
  while (!offsets.empty()) {
    const auto some = offsets.first(std::min(offsets.size(), names::kMaxOffsets));
    names::Request request;
    request.kind = names::RequestKind::kResolve;
    request.id = NextRequest();
    request.key = key;
    request.only_symbols = only_symbols;
    request.offsets.assign(some.begin(), some.end());
    const absl::Status status = ResolveSome(request, &resolved);
    if (absl::IsNotFound(status)) return status;
    if (!status.ok()) return Lose(status);
    offsets = offsets.subspan(some.size());
  }
  return resolved;
}

absl::StatusOr<std::vector<names::MissingFile>> NameWorker::TakeMissing(uint64_t key) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  names::Request request;
  request.kind = names::RequestKind::kMissing;
  request.id = NextRequest();
  request.key = key;
  if (absl::Status status = Send(request, {}); !status.ok()) return Lose(status);
  std::vector<names::MissingFile> files;
  while (true) {
    auto packet = Receive();
    if (!packet.ok()) return Lose(packet.status());
    auto reply = names::DecodeMissingReply(*packet);
    if (!reply.ok()) return Lose(reply.status());
    if (reply->id != request.id) return Lose(absl::InvalidArgumentError("it answered another question"));
    std::ranges::move(reply->files, std::back_inserter(files));
    if (reply->is_last) return files;
    if (reply->files.empty() || files.size() > names::kMaxMissing) {
      return Lose(absl::InvalidArgumentError("it names more missing files than there may be"));
    }
  }
}

absl::Status NameWorker::ResolveSome(const names::Request& request, Resolved* resolved) {
  if (absl::Status status = Send(request, {}); !status.ok()) return status;
  size_t left = request.offsets.size();
  while (true) {
    auto packet = Receive();
    if (!packet.ok()) return packet.status();
    auto reply = names::DecodePlacesReply(*packet);
    if (!reply.ok()) return reply.status();
    if (reply->id != request.id) return absl::InvalidArgumentError("it answered another question");
    if (reply->verdict == names::FileVerdict::kUnknown) return absl::NotFoundError("the file is not open there");
    // An answer of nothing would never end.
    if (reply->places.size() > left || (reply->is_last ? reply->places.size() != left : reply->places.empty())) {
      return absl::InvalidArgumentError("it answered another number of places than asked");
    }
    left -= reply->places.size();
    std::ranges::move(reply->places, std::back_inserter(resolved->places));
    resolved->lacks_files |= reply->lacks_files;
    if (reply->is_last) return absl::OkStatus();
  }
}

}  // namespace sonde::symbolize
