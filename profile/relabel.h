#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "profile/labels.h"
#include "profile/relabel_rule.h"

namespace sonde::profile {

// Prometheus's relabelling: rules that change a set of labels, or drop it, one after the other. Immutable, so that any
// number of threads may use one.
class Relabeler {
 public:
  Relabeler();  // no rules: labels stay as they are, but for temporary ones
  ~Relabeler();
  Relabeler(Relabeler&&) noexcept;
  Relabeler& operator=(Relabeler&&) noexcept;

  // Errors as of CheckRelabelRule(), with the number of the rule.
  static absl::StatusOr<Relabeler> Compile(std::vector<RelabelRule> rules);

  struct Result {
    Labels labels;                     // none that begins with "__", no reserved one; empty when dropped
    std::optional<size_t> dropped_by;  // the rule that did, 0 the first
  };
  Result Apply(Labels labels) const;

  const std::vector<RelabelRule>& Rules() const { return rules_; }

 private:
  class Matcher;

  // False: drop.
  static bool ApplyRule(const RelabelRule& rule, const Matcher& matcher, Labels* labels);

  static void MapNames(const RelabelRule& rule, const Matcher& matcher, Labels* labels);

  std::vector<RelabelRule> rules_;
  std::vector<std::unique_ptr<const Matcher>> matchers_;  // of the rules, in their order
};

}  // namespace sonde::profile
