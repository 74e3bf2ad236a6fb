#pragma once

#include <string>
#include <string_view>

#include "profile/labels.h"
#include "proto/opentelemetry/proto/resource.pb.h"

namespace sonde::exporting {

// Where OpenTelemetry's semantic conventions have a name for what we tell, it is theirs, of this version.
inline constexpr char kSemanticConventions[] = "https://opentelemetry.io/schemas/1.44.0";

// What was profiled, by the labels of a series:
//   service_name     service.name
//   node             host.name
//   container_id     container.id
//   pod, namespace   k8s.pod.name, k8s.namespace.name
//   container        k8s.container.name beside a pod, else container.name
//   workload         k8s.deployment.name or that of another workload_kind
//   process, pid     process.executable.name, process.pid
//   unit, slice      sonde.unit, sonde.slice: there are no common names
// Other labels keep their names, which are the user's. `host_id` becomes host.id unless it is empty.
opentelemetry::proto::resource::v1::Resource MakeOtlpResource(const profile::Labels& labels,
                                                              const std::string& host_id);

// The key for a label of samples: process.executable.name, process.pid, thread.id and thread.name for process, pid,
// thread_id and comm; "sonde." before any other, as in sonde.reason.
std::string OtlpSampleKey(std::string_view label);

}  // namespace sonde::exporting
