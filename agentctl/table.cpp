#include "agentctl/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agentctl/terminal.h"

namespace sonde::agentctl {
namespace {

Format shown_as = Format::kText;

// Nothing in a name may end a cell or begin markup.
std::string MarkdownCell(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"|", "\\|"}, {"<", "&lt;"}, {"&", "&amp;"}, {"`", "'"}, {"[", "\\["}, {"*", "\\*"}, {"_", "\\_"}});
}

}  // namespace

std::string Table::Line(const std::vector<std::string>& cells, const std::vector<size_t>& widths, size_t indent,
                        size_t max_columns) const {
  std::string line(indent, ' ');
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - Width(cells[i]), ' ');
    if (i > 0) line += "  ";
    line += columns_[i].align == Align::kRight ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return (max_columns == 0 ? line : Printable(line, max_columns)) + "\n";
}

std::string Table::Text(size_t indent, size_t max_columns) const {
  std::vector<std::string> titles;
  std::vector<size_t> widths;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(Width(column.title));
  }
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  const bool has_titles = std::any_of(titles.begin(), titles.end(), [](const auto& title) { return !title.empty(); });
  std::string text = has_titles ? Line(titles, widths, indent, max_columns) : "";
  for (const auto& row : rows_) text += Line(row, widths, indent, max_columns);
  return text;
}

std::string Table::Markdown() const {
  std::string text = "|", rule = "|";
  for (const Column& column : columns_) {
    absl::StrAppend(&text, " ", MarkdownCell(column.title), " |");
    absl::StrAppend(&rule, column.align == Align::kRight ? " ---: |" : " --- |");
  }
  absl::StrAppend(&text, "\n", rule, "\n");
  for (const auto& row : rows_) {
    text += "|";
    for (const std::string& cell : row) absl::StrAppend(&text, " ", MarkdownCell(cell), " |");
    text += "\n";
  }
  return text;
}

std::string Table::ShownWhole(size_t indent) const {
  return TablesAreMarkdown() ? absl::StrCat("\n", Markdown(), "\n") : Text(indent);
}

std::string Table::Shown(size_t indent) const {
  return shown_as == Format::kText ? Text(indent, StdoutSize().columns) : ShownWhole(indent);
}

void ShowTablesAs(Format format) {
  shown_as = format;
  ShowWholeNames(format == Format::kWide);
}

bool TablesAreMarkdown() { return shown_as == Format::kMarkdown; }

}  // namespace sonde::agentctl
