#pragma once

#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "collector/query/querier.h"
#include "http/http.h"

namespace sonde::web {

// What may be asked under /api/v1/. deploy/docs/api.md tells what each takes and answers.
struct Question {
  std::string_view name;
  absl::StatusOr<http::Response> (*answer)(const query::Querier& querier, const http::Request& request);
};
std::span<const Question> Questions();

// The stacks that parameters of `request` ask for: all that api.md says that questions share. `kind` is what is asked
// when there is no such parameter; empty: it must be there.
absl::StatusOr<query::StackQuery> StackQueryOf(const http::Request& request, std::string_view kind = "");

// A file to be kept under that name. Kinds of other clients are any text, and no part of a header.
http::Response FileResponse(std::string content, std::string content_type, const std::string& kind,
                            std::string_view suffix);

}  // namespace sonde::web
