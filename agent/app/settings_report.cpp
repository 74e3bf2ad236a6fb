#include "agent/app/settings_report.h"

#include "agent/control/setting_list.h"
#include "google/protobuf/util/json_util.h"
#include "profile/labels.h"

namespace sonde::app {

control::v1::SettingsReply SettingsOf(const control::Config& config) {
  control::v1::SettingsReply reply;
  for (const control::Setting& setting : control::ListSettings(config)) {
    control::v1::Setting* added = reply.add_settings();
    added->set_key(profile::ToValidUtf8(setting.key));
    added->set_value(profile::ToValidUtf8(setting.value));
    added->set_origin(profile::ToValidUtf8(setting.origin));
  }
  return reply;
}

std::string SettingsAsJson(const control::Config& config) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(SettingsOf(config), &json);
  return status.ok() ? json + "\n" : std::string(status.message()) + "\n";
}

}  // namespace sonde::app
