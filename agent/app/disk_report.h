#pragma once

#include "agent/aggregate/request_book.h"
#include "agent/app/pipeline.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in what disks did, and the heaviest requests with names: those that `request` wants.
void ReportDisks(const aggregate::RequestBook& book, const control::v1::DisksRequest& request,
                 SharedSymbolizer* symbolizer, control::v1::DisksReply* reply);

}  // namespace sonde::app
