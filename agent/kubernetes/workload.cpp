#include "agent/kubernetes/workload.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sonde::kubernetes {
namespace {

constexpr size_t kLeastMinuteDigits = 8;

// `name` without "-END"; all of it when that is not its end, or there would be nothing left.
std::string Without(const std::string& name, const std::string& end) {
  const std::string suffix = absl::StrCat("-", end);
  if (end.empty() || name.size() <= suffix.size() || !absl::EndsWith(name, suffix)) return name;
  return name.substr(0, name.size() - suffix.size());
}

std::string DigitsAtTheEnd(const std::string& name) { return name.substr(name.find_last_not_of("0123456789") + 1); }

}  // namespace

Owner WorkloadOf(const std::string& pod, const Owner& controller, const std::string& template_hash) {
  if (controller.name.empty()) return {"Pod", pod};
  if (controller.kind == "Node") return {"StaticPod", Without(pod, controller.name)};
  if (controller.kind == "ReplicaSet") {
    const std::string name = Without(controller.name, template_hash);
    return name == controller.name ? controller : Owner{"Deployment", name};
  }
  if (controller.kind == "Job") {
    const std::string minute = DigitsAtTheEnd(controller.name);
    const std::string name = minute.size() >= kLeastMinuteDigits ? Without(controller.name, minute) : controller.name;
    return name == controller.name ? controller : Owner{"CronJob", name};
  }
  return controller;
}

}  // namespace sonde::kubernetes
