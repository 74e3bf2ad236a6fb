#include "agent/symbolize/kernel_build_id.h"

#include <span>

#include "absl/strings/str_cat.h"
#include "agent/elf/build_id.h"
#include "base/read_file.h"

namespace sonde::symbolize {
namespace {

constexpr size_t kMaxNoteBytes = size_t{64} << 10;

}  // namespace

std::string KernelBuildId(const std::string& module) {
  std::string path =
      module.empty() ? "/sys/kernel/notes" : absl::StrCat("/sys/module/", module, "/notes/.note.gnu.build-id");
  if (module.find('/') != std::string::npos) return "";
  auto notes = base::ReadFile(path, kMaxNoteBytes);
  if (!notes.ok()) return "";
  return elf::FindBuildId(std::as_bytes(std::span(*notes)));
}

}  // namespace sonde::symbolize
