#pragma once

#include <string_view>

#include "collector/query/querier.h"
#include "http/http.h"

namespace sonde::web {

// Where Pyroscope answers the questions of Grafana's data source.
inline constexpr std::string_view kPyroscopeApi = "/querier.v1.QuerierService/";

// Answers them as Pyroscope does, by the Connect protocol: a POST of protobuf (application/proto) or JSON, not
// compressed. ProfileTypes, LabelNames, LabelValues, Series, SelectMergeStacktraces, SelectMergeSpanProfile,
// SelectMergeProfile and SelectSeries. A profile type is one value of one kind, under the names that our agent gives
// Pyroscope; a span is the value of a sample's label span_id. A part of a question that would be left out of the answer
// is refused as not implemented.
http::Response PyroscopeAnswer(const query::Querier& querier, const http::Request& request);

}  // namespace sonde::web
