#include "agentctl/json.h"

#include "google/protobuf/util/json_util.h"

namespace sonde::agentctl {

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (status.ok()) return json;
  // Every text field comes through protobuf's own UTF-8 check, so this is a bug; say it in JSON too.
  return "{\"error\": \"the agent's answer cannot be written as JSON\"}\n";
}

}  // namespace sonde::agentctl
