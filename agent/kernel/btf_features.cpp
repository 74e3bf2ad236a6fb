#include "agent/kernel/btf_features.h"

#include <bpf/btf.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/kernel/libbpf_log.h"

namespace sonde::kernel {
namespace {

struct BtfDeleter {
  void operator()(btf* object) const { btf__free(object); }
};

std::optional<uint32_t> Enumerator(const btf* object, const char* enum_name, const char* enumerator) {
  int id = btf__find_by_name_kind(object, enum_name, BTF_KIND_ENUM);
  if (id < 0) return std::nullopt;
  const btf_type* type = btf__type_by_id(object, static_cast<__u32>(id));
  const struct btf_enum* member = btf_enum(type);
  for (int i = 0; i < btf_vlen(type); ++i) {
    const char* name = btf__name_by_offset(object, member[i].name_off);
    if (name != nullptr && std::strcmp(name, enumerator) == 0) return static_cast<uint32_t>(member[i].val);
  }
  return std::nullopt;
}

// Ports that clients get without asking, as this network namespace has them; the kernel's default when they cannot be
// read.
PortRange EphemeralPorts() {
  PortRange range;
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  PortRange read;
  if (file >> read.first >> read.last) range = read;
  return range;
}

bool HasTracepoint(const btf* object, const std::string& name) {
  return btf__find_by_name_kind(object, absl::StrCat("btf_trace_", name).c_str(), BTF_KIND_TYPEDEF) > 0;
}

// Arguments of a tracepoint; 0 when the kernel lacks it.
int TracepointArguments(const btf* object, const std::string& name) {
  const int id = btf__find_by_name_kind(object, absl::StrCat("btf_trace_", name).c_str(), BTF_KIND_TYPEDEF);
  const btf_type* pointer =
      id > 0 ? btf__type_by_id(object, btf__type_by_id(object, static_cast<__u32>(id))->type) : nullptr;
  const btf_type* prototype = pointer != nullptr ? btf__type_by_id(object, pointer->type) : nullptr;
  if (prototype == nullptr || !btf_is_func_proto(prototype)) return 0;
  return static_cast<int>(btf_vlen(prototype)) - 1;  // the first is the tracer's own
}

// The type of a member of a struct, or of a struct without a name within it; null when there is none.
const btf_type* MemberType(const btf* object, const btf_type* outer, const char* name, int depth = 4) {
  if (outer == nullptr || !btf_is_composite(outer) || depth == 0) return nullptr;
  const btf_member* members = btf_members(outer);
  for (int i = 0; i < btf_vlen(outer); ++i) {
    const char* its_name = btf__name_by_offset(object, members[i].name_off);
    const btf_type* type = btf__type_by_id(object, members[i].type);
    if (its_name != nullptr && std::strcmp(its_name, name) == 0) return type;
    const bool is_nameless = its_name == nullptr || *its_name == 0;
    const btf_type* within = is_nameless ? MemberType(object, type, name, depth - 1) : nullptr;
    if (within != nullptr) return within;
  }
  return nullptr;
}

// Whether a process's resident pages are in counters that each CPU has a part of: since 6.2, commit f1a7941243c1.
bool CountsPagesByCpu(const btf* object) {
  const int id = btf__find_by_name_kind(object, "mm_struct", BTF_KIND_STRUCT);
  const btf_type* counters =
      id > 0 ? MemberType(object, btf__type_by_id(object, static_cast<__u32>(id)), "rss_stat") : nullptr;
  if (counters == nullptr || !btf_is_array(counters)) return false;
  const btf_type* one = btf__type_by_id(object, btf_array(counters)->type);
  const char* name = one != nullptr ? btf__name_by_offset(object, one->name_off) : nullptr;
  return name != nullptr && std::strcmp(name, "percpu_counter") == 0;
}

FaultTracepoints ProbeFaultTracepoints(const btf* object) {
  return {.faults = HasTracepoint(object, "page_fault_user") && HasTracepoint(object, "page_fault_kernel"),
          .growth = HasTracepoint(object, "rss_stat") && CountsPagesByCpu(object)};
}

BlockTracepoints ProbeBlockTracepoints(const btf* object) {
  const int issue = TracepointArguments(object, "block_rq_issue");
  return {
      .requests = issue > 0 && HasTracepoint(object, "block_rq_insert") && HasTracepoint(object, "block_rq_complete"),
      .start = HasTracepoint(object, "block_io_start") && HasTracepoint(object, "block_io_done"),
      .merge = HasTracepoint(object, "block_rq_merge"),
      .queue_argument = issue == 2,
      .dirty_folio = HasTracepoint(object, "writeback_dirty_folio"),
      .dirty_page = HasTracepoint(object, "writeback_dirty_page"),
      .flush_step_bit = Enumerator(object, "rqf_flags", "__RQF_FLUSH_SEQ").value_or(BlockTracepoints().flush_step_bit)};
}

}  // namespace

std::vector<std::string> Features::Degraded() const {
  std::vector<std::string> lines;
  if (!task_storage) {
    lines.push_back(
        "no task storage (kernels before 5.12): thread clocks take 38 MB, and threads beyond 32,768 have none");
  }
  if (!lock_contention) {
    lines.push_back(
        "no tracepoints of lock contention (kernels before 5.19): waits for locks within the kernel are under the "
        "system call that they are in");
  }
  if (block.requests && !block.start) {
    lines.push_back(
        "no tracepoint where requests to disks are made (kernels before 6.5): agentctl disks does not tell who "
        "flushed, and shows what a busy device took later for the kernel thread that passed it on; agentctl waits does "
        "not "
        "tell which request ended a wait");
  }
  if (block.requests && !block.dirty_folio && !block.dirty_page) {
    lines.push_back(
        "no tracepoint where memory of files is made dirty: agentctl disks does not tell for whom the kernel writes");
  }
  if (faults.faults && !faults.growth) {
    lines.push_back(
        "no counters from which to tell what a page fault brought (kernels before 6.2): the faults profile counts each "
        "as one "
        "page, also where it brought a huge one or several");
  }
  return lines;
}

absl::StatusOr<Features> ProbeFeatures() {
  std::unique_ptr<btf, BtfDeleter> object(btf__load_vmlinux_btf());
  if (!object) return LibbpfError("the kernel has no BTF (it must be built with CONFIG_DEBUG_INFO_BTF)", errno);
  for (const char* name : {"sched_switch", "sched_waking", "sched_wakeup", "sched_wakeup_new", "sched_process_fork",
                           "sched_process_exec"}) {
    if (!HasTracepoint(object.get(), name)) {
      return absl::UnimplementedError(absl::StrCat("the kernel lacks the tracepoint ", name));
    }
  }
  Features features;
  // Task storage came to tracing programs in 5.12, together with this helper; its own helper is in 5.11 for LSM only.
  features.task_storage = Enumerator(object.get(), "bpf_func_id", "BPF_FUNC_check_mtu").has_value();
  // In the same release as this helper, 5.11: libbpf asks for it, too.
  features.maps_in_memory_cgroup = Enumerator(object.get(), "bpf_func_id", "BPF_FUNC_ktime_get_coarse_ns").has_value();
  features.lock_contention = HasTracepoint(object.get(), "contention_begin");
  features.block = ProbeBlockTracepoints(object.get());
  features.faults = ProbeFaultTracepoints(object.get());
  features.text = FindKernelText();
  features.ephemeral_ports = EphemeralPorts();
  return features;
}

}  // namespace sonde::kernel
