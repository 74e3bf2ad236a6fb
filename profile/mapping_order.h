#pragma once

#include "profile/pprof_builder.h"

namespace sonde::profile {

// Readers take the first mapping for the main binary (go tool pprof shows it as "File:"). So: programs before shared
// libraries, before the kernel, before what is no file ("[vdso]", "[anon]", markers); among equals the order stays.
// Ids are dense from 1 in table order again, and locations follow them.
// REQUIRES: ids were dense from 1 in table order.
void OrderMappings(Pprof* profile);

}  // namespace sonde::profile
