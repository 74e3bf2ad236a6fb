#include "agentctl/flag_parts.h"

#include "CLI/CLI.hpp"
#include "absl/time/clock.h"
#include "agentctl/time_span.h"
#include "agentctl/units.h"

namespace sonde::agentctl {
namespace {

std::string CheckInterval(const std::string& text) {
  const absl::StatusOr<absl::Duration> interval = ParseInterval(text);
  return interval.ok() ? "" : std::string(interval.status().message());
}

std::string CheckInstant(const std::string& text) {
  const absl::StatusOr<absl::Time> instant = ParseInstant(text, absl::Now(), absl::LocalTimeZone());
  return instant.ok() ? "" : std::string(instant.status().message());
}

}  // namespace

CLI::Option* CheckedAsInterval(CLI::Option* option) {
  return option->check(CLI::Validator(CheckInterval, "", "duration"));
}

void AddFormat(CLI::App* verb, Options* options, const std::string& text) {
  verb->add_option("-o,--output", options->format, text)
      ->check(CLI::IsMember({"text", "wide", "md", "json"}))
      ->type_name("FORMAT");
}

void AddTextOrJson(CLI::App* verb, Options* options) {
  verb->add_option("-o,--output", options->format, "text (default) or json; 64-bit numbers are strings in JSON")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("FORMAT");
}

void AddDuration(CLI::App* verb, Options* options, const std::string& text) {
  CheckedAsInterval(verb->add_option("-d,--duration", options->duration, text))->type_name("DURATION");
}

void AddWatch(CLI::App* verb, Options* options) {
  CheckedAsInterval(verb->add_flag("--watch{2s}", options->watch,
                                   "again and again, on a terminal in place: --watch or --watch=10s; Ctrl-C ends"));
}

void AddSince(CLI::App* verb, Options* options) {
  CheckedAsInterval(
      verb->add_option("--since", options->since,
                       "instead: so far back up to now, at once, as far as the agent keeps it (10m at most)"))
      ->excludes("--duration")
      ->type_name("DURATION");
  const CLI::Validator instant(CheckInstant, "", "instant");
  CLI::Option* from =
      verb->add_option("--from", options->from, "instead: from then on: 18:00, '2026-11-30 18:00' or -5m")
          ->check(instant)
          ->excludes("--duration")
          ->excludes("--since")
          ->type_name("TIME");
  verb->add_option("--to", options->to, "and up to then (default: now)")
      ->check(instant)
      ->needs(from)
      ->type_name("TIME");
}

void AddPid(CLI::App* verb, uint32_t* pid) {
  verb->add_option("-p,--pid", *pid, "only this process (default: all)")
      ->check(CLI::Range(1u, 4194304u))
      ->type_name("PID");
}

void AddLimit(CLI::App* verb, const std::string& lines, uint32_t* limit) {
  verb->add_option("--limit", *limit, "so many " + lines)->check(CLI::Range(1u, 10000u))->type_name("N");
}

void AddKind(CLI::App* verb, const std::string& names, const std::string& text, std::string* kind) {
  verb->add_option(names, *kind, text)->check(CLI::IsMember({"cpu", "offcpu", "wall", "faults"}))->type_name("KIND");
}

}  // namespace sonde::agentctl
