// store_tool DIRECTORY: prints every profile of a collector's store, in the order in which they were stored, one a
// line: kind, labels (JSON), start and end (ns since the epoch), pprof (gzip, base64), with tabs between. The collector
// may run.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "collector/store/profile_packing.h"
#include "collector/store/reader.h"
#include "collector/store/sample_columns.h"
#include "collector/store/series_labels.h"
#include "profile/pprof_file.h"

namespace sonde {
namespace {

constexpr store::TimeRange kEver = {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
using Lines = std::vector<std::pair<int64_t, std::string>>;  // by number of the profile

absl::StatusOr<profile::Pprof> Unpacked(store::Reader* reader, const store::StoredProfile& row) {
  auto view = reader->Volume(row.volume);
  if (!view.ok()) return view.status();
  auto shape = store::ShapeOf((*view)->Entries(), row.shape);
  if (!shape.ok()) return shape.status();
  auto comments = store::DecodeComments(row.comments);
  if (!comments.ok()) return comments.status();
  store::Unpacker unpacker((*view)->Entries(), *shape);
  std::vector<int64_t> texts;
  for (uint32_t comment : *comments) {
    texts.push_back(unpacker.AddString((*view)->Entries().Bytes(store::Table::kString, comment)));
  }
  absl::Status status;
  auto add = [&](const store::SampleGroup& group) {
    std::vector<int64_t> values(row.value_count);
    for (size_t i = 0; i < group.nodes.size() && status.ok(); ++i) {
      for (size_t v = 0; v < values.size(); ++v) values[v] = group.values[v * group.nodes.size() + i];
      status = unpacker.AddSample(group.labels, group.nodes[i], values, {});
    }
  };
  if (auto decoded = store::DecodeSamples(row.samples, row.value_count, add); !decoded.ok()) return decoded;
  if (!status.ok()) return status;
  profile::Pprof pprof = std::move(unpacker).Finish();
  for (int64_t text : texts) pprof.add_comment(text);
  pprof.set_time_nanos(row.start_ns);
  pprof.set_duration_nanos(row.end_ns - row.start_ns);
  pprof.set_period(row.period);
  return pprof;
}

absl::Status Collect(const std::string& directory, Lines* lines) {
  store::VolumeCache cache;
  auto reader = store::Reader::Open(directory, &cache);
  if (!reader.ok()) return reader.status();
  const auto every = reader->ListSeries("", kEver);
  if (!every.ok()) return every.status();
  for (const store::Series& series : *every) {
    auto add = [&](const store::StoredProfile& row) {
      auto pprof = Unpacked(&*reader, row);
      if (!pprof.ok()) return pprof.status();
      lines->emplace_back(row.id,
                          absl::StrCat(series.kind, "\t", store::LabelsToJson(series.labels), "\t", row.start_ns, "\t",
                                       row.end_ns, "\t", absl::Base64Escape(profile::Encode(*pprof))));
      return absl::OkStatus();
    };
    if (auto status = reader->Visit(series.id, kEver, store::Reader::Depth::kSamples, add); !status.ok()) return status;
  }
  std::ranges::sort(*lines);
  return absl::OkStatus();
}

}  // namespace
}  // namespace sonde

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  sonde::Lines lines;
  const absl::Status status = sonde::Collect(argv[1], &lines);
  if (!status.ok()) {
    std::fprintf(stderr, "store_tool: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  for (const auto& [number, line] : lines) std::printf("%s\n", line.c_str());
  return 0;
}
