#include "agent/names/bulk_answers.h"

#include <elf.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "agent/elf/debug_file_places.h"
#include "agent/elf/elf_file.h"
#include "agent/elf/extract_plan.h"
#include "agent/elf/unwind_compiler.h"
#include "agent/names/bulk_wire.h"

namespace sonde::names {
namespace {

bool IsElf(const elf::ByteSource& source) {
  std::array<std::byte, SELFMAG> magic{};
  return source.ReadAt(0, magic) && std::memcmp(magic.data(), ELFMAG, SELFMAG) == 0;
}

// kNotFound: it is no ELF file.
absl::StatusOr<elf::ElfFile> OpenGiven(const Request& request, const std::vector<base::UniqueFd>& fds) {
  if (request.file_kind == FileKind::kVdso) return elf::ElfFile::Open(elf::ByteSource::OfVdso());
  if (fds.size() != 1) return absl::FailedPreconditionError("no descriptor came with the request");
  const elf::ByteSource source(fds[0].Get(), request.size_bytes);
  if (!IsElf(source)) return absl::NotFoundError("it is no ELF file");
  return request.is_debug_file ? elf::ElfFile::OpenDebug(source) : elf::ElfFile::Open(source);
}

void TellStatus(const absl::Status& status, MadeHead* head) {
  head->verdict = status.ok()                ? MadeVerdict::kOk
                  : absl::IsNotFound(status) ? MadeVerdict::kNothing
                                             : MadeVerdict::kRefused;
  head->why = std::string(status.message());
}

absl::Status SendWhole(const std::string& packet, PacketSocket* socket) {
  return socket->Send(packet, {}, absl::InfiniteDuration());
}

template <typename T>
absl::Status SendPart(uint64_t id, const std::vector<T>& part, PacketSocket* socket) {
  std::string_view left(reinterpret_cast<const char*>(part.data()), part.size() * sizeof(T));
  while (!left.empty()) {
    const std::string_view some = left.substr(0, kMaxBulkBytes);
    if (absl::Status status = SendWhole(EncodeBulk(id, some), socket); !status.ok()) return status;
    left.remove_prefix(some.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<elf::UnwindTable> TableOf(const Request& request, const std::vector<base::UniqueFd>& fds) {
  const absl::StatusOr<elf::ElfFile> file = OpenGiven(request, fds);
  if (!file.ok()) return file.status();
  return elf::CompileUnwindTable(*file, nullptr, request.is_soon ? elf::CodeEffort::kSoon : elf::CodeEffort::kAll);
}

absl::Status SendTable(const TableHead& head, const elf::UnwindTable& table, PacketSocket* socket) {
  absl::Status status = SendWhole(Encode(head), socket);
  if (status.ok()) status = SendPart(head.id, table.pages, socket);
  if (status.ok()) status = SendPart(head.id, table.rows, socket);
  if (status.ok()) status = SendPart(head.id, table.escapes, socket);
  return status;
}

absl::StatusOr<elf::ExtractPlan> PlanOf(const Request& request, const std::vector<base::UniqueFd>& fds,
                                        ExtractHead* head) {
  const absl::StatusOr<elf::ElfFile> file = OpenGiven(request, fds);
  if (!file.ok()) return file.status();
  head->build_id = file->BuildId();
  if (const auto link = elf::FindDebugLink(*file)) head->debug_link = link->name;
  return elf::PlanExtract(*file);
}

}  // namespace

absl::Status AnswerTable(const Request& request, std::vector<base::UniqueFd> fds, PacketSocket* socket) {
  absl::Status status;
  {
    const absl::StatusOr<elf::UnwindTable> made = TableOf(request, fds);
    TableHead head;
    head.id = request.id;
    TellStatus(made.status(), &head);
    static const elf::UnwindTable kNone;
    const elf::UnwindTable& table = made.ok() ? *made : kNone;
    head.base_page = table.base_page;
    head.pages = static_cast<uint32_t>(table.pages.size());
    head.rows = static_cast<uint32_t>(table.rows.size());
    head.escapes = static_cast<uint32_t>(table.escapes.size());
    head.leaves_out_code = table.leaves_out_code;
    status = SendTable(head, table, socket);
  }
  // Compiling takes megabytes for moments, which the allocator would keep.
  ::malloc_trim(0);
  return status;
}

absl::Status AnswerExtract(const Request& request, std::vector<base::UniqueFd> fds, PacketSocket* socket) {
  ExtractHead head;
  head.id = request.id;
  const absl::StatusOr<elf::ExtractPlan> made = PlanOf(request, fds, &head);
  TellStatus(made.status(), &head);
  static const elf::ExtractPlan kNone;
  const elf::ExtractPlan& plan = made.ok() ? *made : kNone;
  head.header_bytes = static_cast<uint32_t>(plan.headers.size());
  head.pieces = static_cast<uint32_t>(plan.pieces.size());
  absl::Status status = SendWhole(Encode(head), socket);
  if (status.ok()) status = SendPart(head.id, plan.headers, socket);
  if (status.ok()) status = SendPart(head.id, plan.pieces, socket);
  return status;
}

}  // namespace sonde::names
