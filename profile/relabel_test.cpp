#include "profile/relabel.h"

#include <gtest/gtest.h>

namespace sonde::profile {
namespace {

using Action = RelabelAction;

struct RelabelCase {
  const char* what;
  Labels before;
  std::vector<RelabelRule> rules;
  Labels after;
  int dropped_by = -1;
};

Labels Relabelled(const std::vector<RelabelRule>& rules, const Labels& labels) {
  auto relabeler = Relabeler::Compile(rules);
  EXPECT_TRUE(relabeler.ok()) << relabeler.status();
  return relabeler.ok() ? relabeler->Apply(labels).labels : Labels();
}

// Prometheus's documented behaviour, rule by rule.
std::vector<RelabelCase> RelabelCases() {
  const Labels abc = {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}};
  return {
      {"no rules", abc, {}, abc},
      {"replace is the default action",
       abc,
       {{.source_labels = {"a"}, .regex = "f(.*)", .target_label = "d", .replacement = "ch${1}-ch${1}"}},
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "choo-choo"}}},
      {"the source is joined by a semicolon",
       abc,
       {{.source_labels = {"a", "b"}, .target_label = "d"}},
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "foo;bar"}}},
      {"or by another separator, and what there is not is empty",
       {{"a", "foo"}},
       {{.source_labels = {"a", "x", "a"}, .separator = "/", .target_label = "a"}},
       {{"a", "foo//foo"}}},
      {"the regex matches the whole source only",
       abc,
       {{.source_labels = {"a"}, .regex = "o", .target_label = "d", .replacement = "x"}},
       abc},
      {"alternatives are anchored as one",
       {{"a", "foobar"}},
       {{.source_labels = {"a"}, .regex = "foo|bar", .target_label = "d", .replacement = "x"}},
       {{"a", "foobar"}}},
      {"a dot matches an end of line",
       {{"a", "one\ntwo"}},
       {{.source_labels = {"a"}, .regex = "one.two", .target_label = "d", .replacement = "x"}},
       {{"a", "one\ntwo"}, {"d", "x"}}},
      {"without a source the replacement is set",
       {},
       {{.target_label = "d", .replacement = "fixed"}},
       {{"d", "fixed"}}},
      {"an empty replacement removes the target",
       abc,
       {{.source_labels = {"a"}, .regex = "(f).*", .target_label = "b", .replacement = "$2"}},
       {{"a", "foo"}, {"c", "baz"}}},
      {"the target may have groups",
       {{"a", "some-name-value"}},
       {{.source_labels = {"a"}, .regex = "some-([^-]+)-([^,]+)", .target_label = "${1}", .replacement = "${2}"}},
       {{"a", "some-name-value"}, {"name", "value"}}},
      {"a target that is no name changes nothing",
       {{"a", "some-9-value"}},
       {{.source_labels = {"a"}, .regex = "some-([^-]+)-([^,]+)", .target_label = "${1}", .replacement = "${2}"}},
       {{"a", "some-9-value"}}},
      {"groups may have names",
       {{"a", "x-y"}},
       {{.source_labels = {"a"},
         .regex = "(?P<first>.)-(?P<second>.)",
         .target_label = "d",
         .replacement = "${second}$first"}},
       {{"a", "x-y"}, {"d", "yx"}}},
      {"rules see what those before them did",
       {{"a", "foo"}},
       {{.source_labels = {"a"}, .target_label = "b"},
        {.source_labels = {"b"}, .target_label = "c", .replacement = "$1$1"}},
       {{"a", "foo"}, {"b", "foo"}, {"c", "foofoo"}}},
      {"drop", abc, {{.action = Action::kDrop, .source_labels = {"a"}, .regex = "f.*"}}, {}, 0},
      {"drop of what does not match", abc, {{.action = Action::kDrop, .source_labels = {"a"}, .regex = "f"}}, abc},
      {"keep", abc, {{.action = Action::kKeep, .source_labels = {"a"}, .regex = "foo"}}, abc},
      {"keep of what does not match",
       abc,
       {{.source_labels = {"a"}, .target_label = "d"},
        {.action = Action::kKeep, .source_labels = {"b"}, .regex = "foo"}},
       {},
       1},
      {"a label that there is not is empty",
       abc,
       {{.action = Action::kKeep, .source_labels = {"x"}, .regex = ""}},
       abc},
      {"keepequal",
       {{"a", "x"}, {"b", "x"}},
       {{.action = Action::kKeepEqual, .source_labels = {"a"}, .target_label = "b"}},
       {{"a", "x"}, {"b", "x"}}},
      {"keepequal of others",
       abc,
       {{.action = Action::kKeepEqual, .source_labels = {"a"}, .target_label = "b"}},
       {},
       0},
      {"dropequal",
       {{"a", "x"}, {"b", "x"}},
       {{.action = Action::kDropEqual, .source_labels = {"a"}, .target_label = "b"}},
       {},
       0},
      {"dropequal of others", abc, {{.action = Action::kDropEqual, .source_labels = {"a"}, .target_label = "b"}}, abc},
      {"hashmod",  // 976 is what Prometheus's own test expects
       abc,
       {{.action = Action::kHashMod, .source_labels = {"c"}, .modulus = 1000, .target_label = "d"}},
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "976"}}},
      {"labelmap",
       {{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}},
       {{.action = Action::kLabelMap, .regex = "(b.*)", .replacement = "bar_${1}"}},
       {{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}, {"bar_b1", "bar"}, {"bar_b2", "baz"}}},
      {"labelmap of temporary labels",
       {{"__meta_my_bar", "aaa"}, {"__meta_my_baz", "bbb"}, {"__meta_other", "ccc"}},
       {{.action = Action::kLabelMap, .regex = "__meta_(my.*)"}},
       {{"my_bar", "aaa"}, {"my_baz", "bbb"}}},
      {"labeldrop",
       {{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}},
       {{.action = Action::kLabelDrop, .regex = "(b.*)"}},
       {{"a", "foo"}}},
      {"labelkeep",
       {{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}},
       {{.action = Action::kLabelKeep, .regex = "(b.*)"}},
       {{"b1", "bar"}, {"b2", "baz"}}},
      {"lowercase and uppercase",
       {{"foo", "bAr123Foo"}},
       {{.action = Action::kLowercase, .source_labels = {"foo"}, .target_label = "low"},
        {.action = Action::kUppercase, .source_labels = {"foo"}, .target_label = "high"}},
       {{"foo", "bAr123Foo"}, {"low", "bar123foo"}, {"high", "BAR123FOO"}}},
      {"temporary labels serve rules, and go at the end",
       {{"__meta_x", "1"}},
       {{.source_labels = {"__meta_x"}, .target_label = "__tmp"}, {.source_labels = {"__tmp"}, .target_label = "x"}},
       {{"x", "1"}}},
      {"sample labels are none of a series",
       {{"a", "reason"}},
       {{.source_labels = {"a"}, .target_label = "${1}"}},
       {{"a", "reason"}}},
  };
}

TEST(Relabel, DoesAsPrometheusDocuments) {
  for (const RelabelCase& one : RelabelCases()) {
    auto relabeler = Relabeler::Compile(one.rules);
    ASSERT_TRUE(relabeler.ok()) << one.what << ": " << relabeler.status();
    const Relabeler::Result result = relabeler->Apply(one.before);
    EXPECT_EQ(result.labels, one.after) << one.what;
    EXPECT_EQ(result.dropped_by ? static_cast<int>(*result.dropped_by) : -1, one.dropped_by) << one.what;
  }
}

TEST(Relabel, KeepsValuesBoundedAndValid) {
  const RelabelRule twice = {.source_labels = {"a", "a", "a"}, .target_label = "a"};
  const Labels labels = Relabelled({twice, twice, twice}, {{"a", std::string(200, 'x')}});
  EXPECT_EQ(labels.at("a").size(), kMaxLabelBytes);
}

TEST(Relabel, NamesTheRuleThatIsWrong) {
  const RelabelRule good = {.target_label = "a"}, bad = {.action = Action::kHashMod, .target_label = "a"};
  const auto relabeler = Relabeler::Compile({good, bad});
  EXPECT_EQ(relabeler.status().message(), "relabel rule 2: modulus: the action hashmod needs one of at least 1");
}

TEST(RelabelRule, IsRefusedAsPrometheusRefusesIt) {
  const std::pair<RelabelRule, const char*> cases[] = {
      {{.source_labels = {"a"}}, "target_label: the action replace needs one"},
      {{.regex = "(", .target_label = "a"}, "regex: '(' is not a regular expression of RE2: missing ): ("},
      {{.target_label = "a-b"}, "target_label: 'a-b' is not a name of letters, digits and '_'"},
      {{.target_label = "9${1}"}, "target_label: '9${1}' is not a name of letters, digits and '_'"},
      {{.action = Action::kLowercase, .target_label = "${1}"},
       "target_label: '${1}' is not a name of letters, digits and '_'"},
      {{.action = Action::kUppercase, .target_label = "a", .replacement = "x"},
       "replacement: the action uppercase takes none"},
      {{.action = Action::kLabelMap, .replacement = "a-$1"},
       "replacement: 'a-$1' does not make a name of letters, digits and '_'"},
      {{.action = Action::kLabelDrop, .source_labels = {"a"}}, "action: labeldrop takes only a regex"},
      {{.action = Action::kKeepEqual, .regex = "x", .target_label = "a"},
       "action: keepequal takes only source_labels and a target_label"},
      {{.target_label = "reason"}, "target_label: 'reason' is a label of samples, not of series: take another name"},
  };
  for (const auto& [rule, why] : cases) EXPECT_EQ(std::string(CheckRelabelRule(rule).message()), why);
  for (const char* target : {"a", "${1}", "$1", "foo_${1}_bar", "_x"}) {
    EXPECT_TRUE(CheckRelabelRule({.target_label = target}).ok()) << target;
  }
}

TEST(RelabelRule, KnowsItsActionsByName) {
  EXPECT_EQ(ParseRelabelAction("labelmap"), Action::kLabelMap);
  EXPECT_EQ(RelabelActionName(Action::kUppercase), "uppercase");
  EXPECT_EQ(ParseRelabelAction("Replace"), std::nullopt);
}

}  // namespace
}  // namespace sonde::profile
