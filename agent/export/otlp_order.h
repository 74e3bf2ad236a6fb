#pragma once

#include "proto/opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"

namespace sonde::exporting {

// Puts tables and samples into the order in which gzip makes least of them, some 5 % less than in the order of first
// sight: locations by mapping and address; functions as locations name them; strings as mappings and functions name
// them; stacks by their outermost frames first, so that neighbours share long ends; samples by attributes, then stacks.
// What nothing refers to is left out of functions and strings. Entry 0 of each table stays, and so does what is told.
// REQUIRES: every reference is valid, and values of attributes are no references.
void OrderOtlp(opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceRequest* request);

}  // namespace sonde::exporting
