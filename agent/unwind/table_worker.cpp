#include "agent/unwind/table_worker.h"

#include <span>
#include <string>

#include "agent/names/bulk_wire.h"
#include "agent/unwind/table_check.h"

namespace sonde::unwind {
namespace {

using model::CodeKind;

// The worker takes its own; some kernels' are larger than others'.
constexpr uint64_t kMaxVdsoBytes = uint64_t{1} << 20;
constexpr uint64_t kKeptIdleNs = 30'000'000'000;

template <typename T>
std::span<std::byte> BytesOf(std::vector<T>* part) {
  return std::as_writable_bytes(std::span(*part));
}

}  // namespace

worker::KeptWorker::Options TableWorker::TableOptions() {
  Options options;
  options.patience = absl::Seconds(30);
  options.most_lost = 0;
  options.harm = "stacks end early";
  return options;
}

absl::Status TableWorker::ReceiveTable(uint64_t id, elf::UnwindTable* table) {
  absl::Status status = ReceiveBulk(id, BytesOf(&table->pages));
  if (status.ok()) status = ReceiveBulk(id, BytesOf(&table->rows));
  if (status.ok()) status = ReceiveBulk(id, BytesOf(&table->escapes));
  return status;
}

void TableWorker::Rest() {
  if (NowNs() - asked_ns_ >= kKeptIdleNs) Dismiss();
}

absl::StatusOr<elf::UnwindTable> TableWorker::Compile(const model::ExecutableFile& file, elf::CodeEffort effort) {
  const bool is_vdso = file.kind == CodeKind::kVdso;
  if (!is_vdso && !file.fd.IsValid())
    return absl::FailedPreconditionError("it could not be opened while a process ran it");
  if (absl::Status status = Begin(); !status.ok()) return status;
  asked_ns_ = NowNs();
  names::Request request;
  request.kind = names::RequestKind::kTable;
  request.id = NextRequest();
  request.file_kind = is_vdso ? names::FileKind::kVdso : names::FileKind::kElf;
  request.size_bytes = is_vdso ? kMaxVdsoBytes : static_cast<uint64_t>(file.identity.size_bytes);
  request.is_soon = effort == elf::CodeEffort::kSoon;
  const int fd = file.fd.Get();
  if (absl::Status status = Send(request, {&fd, is_vdso ? size_t{0} : size_t{1}}); !status.ok()) return Lose(status);
  const auto packet = Receive();
  if (!packet.ok()) return Lose(packet.status());
  const auto head = names::DecodeTableHead(*packet);
  if (!head.ok()) return Lose(head.status());
  if (head->id != request.id) return Lose(absl::InvalidArgumentError("it answered another question"));
  // Before there is room made for them.
  if (head->pages > MostPages(request.size_bytes) || head->rows > MostRows(request.size_bytes)) {
    return Lose(absl::InvalidArgumentError("a table is larger than its file"));
  }

  elf::UnwindTable table;
  table.base_page = head->base_page;
  table.leaves_out_code = head->leaves_out_code;
  table.pages.resize(head->pages);
  table.rows.resize(head->rows);
  table.escapes.resize(head->escapes);
  if (absl::Status status = ReceiveTable(request.id, &table); !status.ok()) return Lose(status);
  if (absl::Status status = names::StatusOf(*head); !status.ok()) return status;
  if (absl::Status status = CheckTable(table, request.size_bytes); !status.ok()) return Lose(status);
  return table;
}

}  // namespace sonde::unwind
