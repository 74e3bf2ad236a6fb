#pragma once

#include "agent/aggregate/account_book.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// Fills in where the time of processes went, and of threads and groups of processes: those that `request` wants.
// Lengths of waits are merged here: quantiles of processes cannot be added up.
void ReportAccount(const aggregate::AccountBook& accounts, const control::v1::AccountRequest& request,
                   control::v1::AccountReply* reply);

}  // namespace sonde::app
