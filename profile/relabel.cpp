#include "profile/relabel.h"

#include <openssl/evp.h>

#include <array>
#include <map>
#include <span>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "profile/relabel_template.h"
#include "re2/re2.h"

namespace sonde::profile {
namespace {

// As of Prometheus: the last eight bytes of the MD5, the most significant one first. 0 where the host's policy for
// cryptography forbids MD5: then all fall into one shard.
uint64_t Md5Tail(std::string_view text) {
  constexpr size_t kDigest = 16, kTail = 8;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_md5(), nullptr) != 1) return 0;
  uint64_t tail = 0;
  for (size_t i = kDigest - kTail; i < kDigest; ++i) tail = tail << 8U | digest[i];
  return tail;
}

std::string SourceOf(const RelabelRule& rule, const Labels& labels) {
  return absl::StrJoin(rule.source_labels, rule.separator,
                       [&labels](std::string* out, const std::string& name) { out->append(LabelOf(labels, name)); });
}

// An empty value is no label.
void Set(const std::string& name, std::string value, Labels* labels) {
  if (value.empty())
    labels->erase(name);
  else
    labels->insert_or_assign(name, std::move(value));
}

void Replace(const RelabelRule& rule, std::span<const std::string_view> groups, const std::map<std::string, int>& names,
             Labels* labels) {
  if (groups.empty()) return;  // no match
  const std::string target = ExpandTemplate(rule.target_label, groups, names);
  if (IsLabelName(target)) Set(target, ExpandTemplate(rule.replacement, groups, names), labels);
}

bool IsTemporary(std::string_view name) { return name.starts_with("__"); }

}  // namespace

// A rule's regular expression.
class Relabeler::Matcher {
 public:
  explicit Matcher(const std::string& regex) : regex_(regex, Options()) {}

  bool Matches(std::string_view text) const {
    return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), regex_);
  }

  // What the groups matched, the whole first; none when it does not match.
  std::vector<std::string_view> Groups(std::string_view text) const {
    std::vector<re2::StringPiece> pieces(static_cast<size_t>(regex_.NumberOfCapturingGroups()) + 1);
    if (!regex_.Match({text.data(), text.size()}, 0, text.size(), re2::RE2::ANCHOR_BOTH, pieces.data(),
                      static_cast<int>(pieces.size()))) {
      return {};
    }
    std::vector<std::string_view> groups;
    for (const re2::StringPiece& piece : pieces) groups.emplace_back(piece.data(), piece.size());
    return groups;
  }

  const std::map<std::string, int>& Names() const { return regex_.NamedCapturingGroups(); }

 private:
  static re2::RE2::Options Options() {
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_dot_nl(true);
    return options;
  }

  const re2::RE2 regex_;
};

Relabeler::Relabeler() = default;
Relabeler::~Relabeler() = default;
Relabeler::Relabeler(Relabeler&&) noexcept = default;
Relabeler& Relabeler::operator=(Relabeler&&) noexcept = default;

absl::StatusOr<Relabeler> Relabeler::Compile(std::vector<RelabelRule> rules) {
  Relabeler relabeler;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (absl::Status checked = CheckRelabelRule(rules[i]); !checked.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("relabel rule ", i + 1, ": ", std::string(checked.message())));
    }
    relabeler.matchers_.push_back(std::make_unique<const Matcher>(rules[i].regex));
  }
  relabeler.rules_ = std::move(rules);
  return relabeler;
}

Relabeler::Result Relabeler::Apply(Labels labels) const {
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (!ApplyRule(rules_[i], *matchers_[i], &labels)) return {.labels = {}, .dropped_by = i};
  }
  std::erase_if(labels, [](const auto& label) { return IsTemporary(label.first) || IsReservedLabel(label.first); });
  for (auto& [name, value] : labels) value = LabelValue(value);
  return {.labels = std::move(labels), .dropped_by = std::nullopt};
}

void Relabeler::MapNames(const RelabelRule& rule, const Matcher& matcher, Labels* labels) {
  for (const auto& [name, value] : Labels(*labels)) {
    const std::vector<std::string_view> groups = matcher.Groups(name);
    const std::string target = ExpandTemplate(rule.replacement, groups, matcher.Names());
    if (!groups.empty() && IsLabelName(target)) Set(target, value, labels);
  }
}

bool Relabeler::ApplyRule(const RelabelRule& rule, const Matcher& matcher, Labels* labels) {
  const std::string source = SourceOf(rule, *labels);
  switch (rule.action) {
    case RelabelAction::kKeep:
      return matcher.Matches(source);
    case RelabelAction::kDrop:
      return !matcher.Matches(source);
    case RelabelAction::kKeepEqual:
      return LabelOf(*labels, rule.target_label) == source;
    case RelabelAction::kDropEqual:
      return LabelOf(*labels, rule.target_label) != source;
    case RelabelAction::kReplace:
      Replace(rule, matcher.Groups(source), matcher.Names(), labels);
      return true;
    case RelabelAction::kHashMod:
      Set(rule.target_label, absl::StrCat(Md5Tail(source) % rule.modulus), labels);
      return true;
    case RelabelAction::kLowercase:
      Set(rule.target_label, absl::AsciiStrToLower(source), labels);
      return true;
    case RelabelAction::kUppercase:
      Set(rule.target_label, absl::AsciiStrToUpper(source), labels);
      return true;
    case RelabelAction::kLabelMap:
      MapNames(rule, matcher, labels);
      return true;
    case RelabelAction::kLabelDrop:
      std::erase_if(*labels, [&matcher](const auto& label) { return matcher.Matches(label.first); });
      return true;
    case RelabelAction::kLabelKeep:
      std::erase_if(*labels, [&matcher](const auto& label) { return !matcher.Matches(label.first); });
      return true;
  }
  return true;
}

}  // namespace sonde::profile
