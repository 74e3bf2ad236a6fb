#pragma once

#include "agentctl/options.h"

namespace CLI {
class App;
}

namespace sonde::agentctl {

// Adds every verb and flag to `app`, which writes what it parses into `options`. Both must outlive the parsing.
void DescribeFlags(CLI::App* app, Options* options);

// After the parsing: what flags gave as text, and what several verbs share.
void ReadDurations(const CLI::App& app, Options* options);

}  // namespace sonde::agentctl
