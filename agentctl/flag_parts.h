#pragma once

#include <cstdint>
#include <string>

#include "agentctl/options.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

// Flags that several verbs have.
namespace sonde::agentctl {

// It takes what ParseInterval() does. Gives the same option.
CLI::Option* CheckedAsInterval(CLI::Option* option);

// -o of verbs whose answer is tables, and of those whose is not.
void AddFormat(
    CLI::App* verb, Options* options,
    const std::string& text =
        "text (default), wide (lines and names are not cut), md or json; 64-bit numbers are strings in JSON");
void AddTextOrJson(CLI::App* verb, Options* options);

void AddDuration(CLI::App* verb, Options* options, const std::string& text);
// --since, --from and --to. After AddDuration().
void AddSince(CLI::App* verb, Options* options);
void AddWatch(CLI::App* verb, Options* options);
void AddPid(CLI::App* verb, uint32_t* pid);
void AddLimit(CLI::App* verb, const std::string& lines, uint32_t* limit);
void AddKind(CLI::App* verb, const std::string& names, const std::string& text, std::string* kind);

}  // namespace sonde::agentctl
