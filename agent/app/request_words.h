#pragma once

#include "agent/model/disk.h"

namespace sonde::app {

inline const char* OperationName(model::RequestOperation operation) {
  switch (operation) {
    case model::RequestOperation::kRead:
      return "read";
    case model::RequestOperation::kWrite:
      return "write";
    case model::RequestOperation::kFlush:
      return "flush";
    case model::RequestOperation::kDiscard:
      return "discard";
    case model::RequestOperation::kOther:
      break;
  }
  return "other";
}

}  // namespace sonde::app
