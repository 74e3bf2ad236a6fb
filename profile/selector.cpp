#include "profile/selector.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>

#include "absl/strings/str_cat.h"

namespace sonde::profile {
namespace {

constexpr size_t kMaxTextBytes = 8192;

bool IsNameChar(char c, bool first) {
  auto byte = static_cast<unsigned char>(c);
  return std::isalpha(byte) || c == '_' || byte >= 0x80 || (!first && (std::isdigit(byte) || c == '.' || c == ':'));
}

// The text of a selector and how far it was read.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  // Skips blanks, then `expected` if it comes next.
  bool Accept(std::string_view expected) {
    SkipBlanks();
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }

  bool AtEnd() {
    SkipBlanks();
    return at_ == text_.size();
  }

  std::string Name() {
    SkipBlanks();
    size_t start = at_;
    while (at_ < text_.size() && IsNameChar(text_[at_], at_ == start)) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  std::string Operator() {
    for (const char* op : {"=~", "!~", "!=", "="}) {
      if (Accept(op)) return op;
    }
    return "";
  }

  // A quoted string with \\ \" \' \n \t, by either quote.
  absl::StatusOr<std::string> Quoted() {
    SkipBlanks();
    char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '"' && quote != '\'') return Expected("a value in quotes");
    ++at_;
    std::string value;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] != '\\') {
        value.push_back(text_[at_]);
      } else if (++at_ == text_.size() || !AppendEscaped(text_[at_], &value)) {
        return Expected("one of \\\\ \\\" \\' \\n \\t in the value (a regular expression needs two backslashes)");
      }
    }
    if (at_ == text_.size()) return Expected("the closing quote");
    ++at_;
    return value;
  }

  absl::Status Expected(const std::string& what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("selector '", std::string(text_), "': expected ", what, " at position ", at_ + 1));
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  static bool AppendEscaped(char escaped, std::string* value) {
    constexpr std::string_view kFrom = "\\\"'nt";
    constexpr std::string_view kTo = "\\\"'\n\t";
    size_t found = kFrom.find(escaped);
    if (found == std::string_view::npos) return false;
    value->push_back(kTo[found]);
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

absl::StatusOr<std::shared_ptr<const re2::RE2>> Compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  auto regex = std::make_shared<const re2::RE2>(pattern, options);
  if (!regex->ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("selector: the regular expression '", pattern, "' is not valid RE2: ", regex->error()));
  }
  return regex;
}

std::string Quote(const std::string& value) {
  std::string quoted = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else
      quoted.push_back(c);
  }
  return quoted + "\"";
}

}  // namespace

absl::StatusOr<Selector> Selector::Parse(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(absl::StrCat("selector: longer than ", kMaxTextBytes, " bytes"));
  }
  if (!IsValidUtf8(text)) return absl::InvalidArgumentError("selector: not valid UTF-8");
  Cursor cursor(text);
  Selector selector;
  bool braces = cursor.Accept("{");
  auto closes = [&cursor, braces] { return braces ? cursor.Accept("}") : cursor.AtEnd(); };
  while (!closes()) {
    Matcher matcher;
    matcher.name = cursor.Name();
    if (matcher.name.empty()) return cursor.Expected("a label name");
    matcher.op = cursor.Operator();
    if (matcher.op.empty()) return cursor.Expected("one of = != =~ !~");
    auto value = cursor.Quoted();
    if (!value.ok()) return value.status();
    matcher.value = *std::move(value);
    if (matcher.op.ends_with('~')) {
      auto regex = Compile(matcher.value);
      if (!regex.ok()) return regex.status();
      matcher.regex = *std::move(regex);
    }
    selector.matchers_.push_back(std::move(matcher));
    if (cursor.Accept(",")) continue;
    if (closes()) break;
    return cursor.Expected(braces ? "',' or '}'" : "','");
  }
  if (!cursor.AtEnd()) return cursor.Expected("nothing more");
  return selector;
}

bool Selector::Matches(const Labels& labels) const {
  return std::ranges::all_of(matchers_, [&labels](const Matcher& matcher) {
    auto label = labels.find(matcher.name);
    const std::string& value = label == labels.end() ? std::string() : label->second;
    bool same = matcher.regex ? re2::RE2::FullMatch(value, *matcher.regex) : value == matcher.value;
    return same == (matcher.op.front() == '=');
  });
}

std::string Selector::ToString() const {
  std::string text = "{";
  for (const Matcher& matcher : matchers_) {
    absl::StrAppend(&text, text.size() > 1 ? ", " : "", matcher.name, matcher.op, Quote(matcher.value));
  }
  return text + "}";
}

std::string_view WithoutBraces(std::string_view selector) {
  const bool has_braces = selector.size() >= 2 && selector.front() == '{' && selector.back() == '}';
  return has_braces ? selector.substr(1, selector.size() - 2) : selector;
}

}  // namespace sonde::profile
