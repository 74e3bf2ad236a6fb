#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace sonde::agentctl {

using Parameters = std::map<std::string, std::string>;

// "http://HOST:PORT" without a slash at its end, of what is written with or without both. kInvalidArgument: it is none.
absl::StatusOr<std::string> CollectorUrl(const std::string& text);

// The parameters as a query string, "" or "?a=b&c=d": those with an empty value are left out.
std::string QueryString(const Parameters& parameters);

// What a collector answers to GET `path` with these parameters. Statuses follow exit_code.h: kUnavailable: nobody
// answers there; kInvalidArgument: it did not understand the question; else as it says itself. kCancelled on an
// interrupt.
absl::StatusOr<std::string> AskCollector(const std::string& url, const std::string& path, const Parameters& parameters);

}  // namespace sonde::agentctl
