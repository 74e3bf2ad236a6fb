#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/query/querier.h"
#include "http/http.h"

namespace sonde::web {

// kInvalidArgument when `request` has a parameter that is not among `known`, or one twice: a misspelt filter must not
// look like an answer.
absl::Status CheckParameters(const http::Request& request, std::initializer_list<std::string_view> known);

// Parameter `name` as text; "" when it is not given.
std::string TextParameter(const http::Request& request, const std::string& name);

// Parameter `name` as a decimal number in [least, most]; `fallback` when it is not given. kInvalidArgument otherwise.
absl::StatusOr<int64_t> NumberParameter(const http::Request& request, const std::string& name, int64_t fallback,
                                        int64_t least, int64_t most);

// Kind, selector and time from `query`, `from`, `to` (Unix milliseconds) and `seconds` (the last N before now; only
// without the other two). A missing end is now, a missing start 15 minutes before the end. kInvalidArgument as above.
absl::StatusOr<query::Selection> SelectionOf(const http::Request& request, std::string kind, int64_t now_unix_ns);

}  // namespace sonde::web
