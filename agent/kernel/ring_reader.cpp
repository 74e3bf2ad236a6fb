#include "agent/kernel/ring_reader.h"

#include <bpf/libbpf.h>

#include <cerrno>

#include "agent/kernel/libbpf_log.h"

namespace sonde::kernel {

absl::StatusOr<std::unique_ptr<RingReader>> RingReader::Open(int map_fd, Consumer consumer) {
  auto reader = std::unique_ptr<RingReader>(new RingReader(std::move(consumer)));
  auto on_record = [](void* self, void* bytes, size_t size) {
    static_cast<RingReader*>(self)->consumer_({static_cast<const std::byte*>(bytes), size});
    return 0;
  };
  reader->ring_ = ring_buffer__new(map_fd, on_record, reader.get(), nullptr);
  if (reader->ring_ == nullptr) return LibbpfError("cannot map the ring buffer", errno);
  return reader;
}

RingReader::~RingReader() { ring_buffer__free(ring_); }

absl::Status RingReader::Consume() {
  int consumed = ring_buffer__consume(ring_);
  if (consumed < 0) return LibbpfError("cannot read the ring buffer", consumed);
  return absl::OkStatus();
}

}  // namespace sonde::kernel
