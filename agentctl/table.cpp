#include "agentctl/table.h"

#include <algorithm>

#include "agentctl/terminal.h"

namespace sonde::agentctl {

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

}  // namespace sonde::agentctl
