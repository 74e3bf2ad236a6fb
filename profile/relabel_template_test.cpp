#include "profile/relabel_template.h"

#include <gtest/gtest.h>

#include <array>

namespace sonde::profile {
namespace {

// As Go's regexp package documents and does it.
TEST(RelabelTemplate, ReplacesGroupsAsGoDoes) {
  const std::array<std::string_view, 3> groups = {"a-b", "a", "b"};
  const std::map<std::string, int> names = {{"second", 2}};
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"plain", "plain"},
                                                       {"$1", "a"},
                                                       {"${1}", "a"},
                                                       {"$0", "a-b"},
                                                       {"$2$1", "ba"},
                                                       {"${1}x", "ax"},
                                                       {"$1x", ""},
                                                       {"$1_", ""},
                                                       {"$1-$2", "a-b"},
                                                       {"$second", "b"},
                                                       {"x${second}y", "xby"},
                                                       {"$nobody", ""},
                                                       {"$3", ""},
                                                       {"$$1", "$1"},
                                                       {"$$$1", "$a"},
                                                       {"$", "$"},
                                                       {"a$", "a$"},
                                                       {"$-", "$-"},
                                                       {"${1", "${1"},
                                                       {"${}", "${}"},
                                                       {"$01", ""},
                                                       {"$1$", "a$"},
                                                       {"${second", "${second"},
                                                       {"$99999999999999999999", ""}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(ExpandTemplate(text, groups, names), expected) << text;
}

TEST(RelabelTemplate, KnowsWhetherThereIsAnythingToReplace) {
  for (const char* text : {"$1", "a${name}b", "$$$1"}) EXPECT_TRUE(HasGroups(text)) << text;
  for (const char* text : {"", "a", "$", "$$", "$$1", "${", "${}", "a$-"}) EXPECT_FALSE(HasGroups(text)) << text;
}

}  // namespace
}  // namespace sonde::profile
