#include "agent/kernel/program_links.h"

#include <bpf/libbpf.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "agent/kernel/libbpf_log.h"

namespace sonde::kernel {

absl::Status ProgramLinks::Attach(const std::vector<bpf_program*>& programs) {
  for (bpf_program* program : programs) {
    bpf_link* link = bpf_program__attach(program);
    if (link == nullptr) {
      absl::Status failed = LibbpfError(absl::StrCat("cannot attach ", bpf_program__name(program)), errno);
      Detach();
      return failed;
    }
    links_.push_back(link);
  }
  return absl::OkStatus();
}

void ProgramLinks::Detach() {
  while (!links_.empty()) {
    bpf_link__destroy(links_.back());
    links_.pop_back();
  }
}

}  // namespace sonde::kernel
