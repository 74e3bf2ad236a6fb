#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sonde::model {

// Names the service of every process that fits all of its words; an empty word fits everything.
struct ServiceRule {
  std::string executable;  // its base name
  std::string unit;        // of systemd, as "nginx.service"
  std::string container;   // its name in the pod, or at least the first 12 digits of its id
  std::string service_name;

  friend bool operator==(const ServiceRule&, const ServiceRule&) = default;
};

// What may name a service where it is there.
struct NameSource {
  enum class From : uint8_t { kAnnotation, kPodLabel, kEnvironment };
  From from = From::kAnnotation;
  std::string name;

  friend bool operator==(const NameSource&, const NameSource&) = default;
};

// How processes get their labels, as the user set it. Of environments, pod labels and pod annotations nothing is read
// but what is named here; every source in `service_name` stands in one of the three lists, too.
struct LabelSettings {
  std::vector<ServiceRule> services;     // the first that fits names the service
  std::vector<NameSource> service_name;  // else the first of these that is there
  std::vector<std::string> environment;
  std::vector<std::string> pod_labels;
  std::vector<std::string> pod_annotations;

  friend bool operator==(const LabelSettings&, const LabelSettings&) = default;
};

}  // namespace sonde::model
