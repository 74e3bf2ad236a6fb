#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/profile_batch.h"
#include "profile/pprof_builder.h"

namespace sonde::symbolize {

// Opens a file as the agent would hold it.
inline model::ExecutableFilePtr OpenForTest(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  ::fstat(fd.Get(), &info);
  model::FileIdentity identity{info.st_dev, info.st_ino, info.st_size,
                               info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
  return std::make_shared<const model::ExecutableFile>(
      model::ExecutableFile{model::CodeKind::kFile, identity, path, std::move(fd)});
}

inline model::ExecutableFilePtr FileForTest(model::CodeKind kind, const std::string& path) {
  return std::make_shared<const model::ExecutableFile>(model::ExecutableFile{kind, {1, 2, 0, 0}, path, {}});
}

// A batch with one stack, met once.
inline model::ProfileBatch BatchForTest(std::vector<model::ExecutableFilePtr> files, std::vector<model::Frame> stack,
                                        profile::Reason reason = profile::Reason::kOnCpu,
                                        profile::Kind kind = profile::Kind::kCpu) {
  model::ProfileBatch batch;
  batch.kind = kind;
  batch.labels = {{"service_name", "x"}};
  batch.start_unix_ns = 1'700'000'000'000'000'000;
  batch.duration_ns = 60'000'000'000;
  batch.sampling_hz = 100;
  batch.files = std::move(files);
  batch.stacks = {std::move(stack)};
  batch.processes = {"prog"};
  batch.samples = {{.reason = reason, .count = 3, .ns = 30'000'000}};
  return batch;
}

// What a reader sees of one location.
struct ShownFrame {
  std::string name;
  std::string system_name;
  std::string file;
  std::string build_id;
  uint64_t address = 0;
  uint64_t mapping_start = 0;
  uint64_t mapping_limit = 0;
};

inline std::vector<ShownFrame> ShownStack(const profile::Pprof& pprof, int sample = 0) {
  auto text = [&pprof](int64_t index) { return pprof.string_table(static_cast<int>(index)); };
  std::vector<ShownFrame> frames;
  for (uint64_t id : pprof.sample(sample).location_id()) {
    const auto& location = pprof.location(static_cast<int>(id) - 1);
    const auto& mapping = pprof.mapping(static_cast<int>(location.mapping_id()) - 1);
    const auto& function = pprof.function(static_cast<int>(location.line(0).function_id()) - 1);
    frames.push_back({text(function.name()), text(function.system_name()), text(mapping.filename()),
                      text(mapping.build_id()), location.address(), mapping.memory_start(), mapping.memory_limit()});
  }
  return frames;
}

inline std::vector<std::string> ShownNames(const profile::Pprof& pprof, int sample = 0) {
  std::vector<std::string> names;
  for (const ShownFrame& frame : ShownStack(pprof, sample)) names.push_back(frame.name);
  return names;
}

}  // namespace sonde::symbolize
