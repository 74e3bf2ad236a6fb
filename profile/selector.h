#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "profile/labels.h"

namespace re2 {
class RE2;
}

namespace sonde::profile {

// The one selector language of command line, page and URL: {service_name="x", process=~"py.*"} with = != =~ !~,
// regular expressions by RE2, anchored at both ends as in Prometheus. "" and {} select everything; the braces may
// be left out. A label that a series lacks counts as "".
class Selector {
 public:
  // kInvalidArgument with the position and what was expected.
  static absl::StatusOr<Selector> Parse(std::string_view text);

  bool Matches(const Labels& labels) const;
  // Whatever the labels.
  bool MatchesAll() const { return matchers_.empty(); }
  // Back to text, braces included.
  std::string ToString() const;

 private:
  struct Matcher {
    std::string name;
    std::string op;
    std::string value;
    std::shared_ptr<const re2::RE2> regex;  // set for =~ and !~
  };
  std::vector<Matcher> matchers_;
};

// A selector's matchers alone, without the braces that may be around them.
std::string_view WithoutBraces(std::string_view selector);

}  // namespace sonde::profile
