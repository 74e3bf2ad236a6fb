#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agentctl/format.h"

namespace sonde::agentctl {

// Lines up columns: words to the left, numbers to the right, two blanks between, none at a line's end.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: as many cells as columns, each printable and without colour.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  // As all tables are shown (ShowTablesAs()): lines behind `indent` blanks, cut to the terminal or not at all, or
  // Markdown with a blank line before and after it.
  std::string Shown(size_t indent = 0) const;
  // The same, but never cut.
  std::string ShownWhole(size_t indent = 0) const;

  // A table of Markdown; nothing in a cell is taken for more than text.
  std::string Markdown() const;

  // Titles (unless all are empty) and rows, each line behind `indent` blanks and cut to `max_columns` (0 = not cut).
  std::string Text(size_t indent = 0, size_t max_columns = 0) const;

 private:
  std::string Line(const std::vector<std::string>& cells, const std::vector<size_t>& widths, size_t indent,
                   size_t max_columns) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// What a function's file takes in a table at the most.
inline constexpr size_t kFileColumns = 40;

// How all tables are shown from now on, wide ones with whole names; text at first. Call once, from main, before any
// output.
void ShowTablesAs(Format format);
bool TablesAreMarkdown();

}  // namespace sonde::agentctl
