#include "agent/worker/extract_worker.h"

#include <span>

#include "agent/names/bulk_wire.h"
#include "agent/names/plain_text.h"

namespace sonde::worker {

absl::StatusOr<FileExtract> ExtractWorker::Ask(int fd, uint64_t size_bytes, bool is_debug_file) {
  if (absl::Status status = Begin(); !status.ok()) return status;
  names::Request request;
  request.kind = names::RequestKind::kExtract;
  request.id = NextRequest();
  request.size_bytes = size_bytes;
  request.is_debug_file = is_debug_file;
  if (absl::Status status = Send(request, {&fd, 1}); !status.ok()) return Lose(status);
  const auto packet = Receive();
  if (!packet.ok()) return Lose(packet.status());
  auto head = names::DecodeExtractHead(*packet);
  if (!head.ok()) return Lose(head.status());
  if (head->id != request.id) return Lose(absl::InvalidArgumentError("it answered another question"));

  elf::ExtractPlan plan;
  plan.headers.resize(head->header_bytes);
  plan.pieces.resize(head->pieces);
  absl::Status received = ReceiveBulk(request.id, plan.headers);
  if (received.ok()) received = ReceiveBulk(request.id, std::as_writable_bytes(std::span(plan.pieces)));
  if (!received.ok()) return Lose(received);

  FileExtract extract;
  if (names::IsBuildId(head->build_id)) extract.build_id = head->build_id;
  extract.debug_link = names::WithoutControls(head->debug_link);
  extract.plan = std::move(plan);
  if (absl::Status status = names::StatusOf(*head); !status.ok()) extract.plan = status;
  return extract;
}

}  // namespace sonde::worker
