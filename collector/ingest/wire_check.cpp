#include "collector/ingest/wire_check.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "absl/strings/str_cat.h"

namespace sonde::ingest {
namespace {

using ::google::protobuf::internal::WireFormatLite;
using ::google::protobuf::io::CodedInputStream;

absl::Status Malformed() { return absl::InvalidArgumentError("the message is no PushRequest or WriteRawRequest"); }

// The fields of one message up to its limit; enters submessages down to `levels` below it.
absl::Status Walk(CodedInputStream* in, int levels, int* entries) {
  while (uint32_t tag = in->ReadTag()) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (!WireFormatLite::SkipField(in, tag)) return Malformed();
      continue;
    }
    if (++*entries > kMaxRequestEntries) {
      return absl::InvalidArgumentError(absl::StrCat("the request has more than the limit of ", kMaxRequestEntries,
                                                     " series, labels and profiles; push fewer at a time"));
    }
    int length = 0;
    if (!in->ReadVarintSizeAsInt(&length)) return Malformed();
    if (levels == 0) {
      if (!in->Skip(length)) return Malformed();
      continue;
    }
    CodedInputStream::Limit limit = in->PushLimit(length);
    if (auto status = Walk(in, levels - 1, entries); !status.ok()) return status;
    if (in->BytesUntilLimit() != 0) return Malformed();
    in->PopLimit(limit);
  }
  return in->ConsumedEntireMessage() ? absl::OkStatus() : Malformed();
}

}  // namespace

absl::Status CheckWire(google::protobuf::io::ZeroCopyInputStream* bytes, Dialect dialect) {
  CodedInputStream in(bytes);
  int entries = 0;
  // To what is in a series; Parca's keeps its labels in a message of their own.
  return Walk(&in, dialect == Dialect::kParca ? 2 : 1, &entries);
}

}  // namespace sonde::ingest
