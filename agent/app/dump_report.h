#pragma once

#include "agent/model/thread_dump.h"
#include "agent/symbolize/symbolizer.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in the threads that `request` wants, with names. What they are called and at is the dump's; nothing is asked
// anew.
void ReportDump(model::ThreadDump dump, const control::v1::DumpRequest& request, symbolize::Symbolizer* symbolizer,
                control::v1::DumpReply* reply);

}  // namespace sonde::app
