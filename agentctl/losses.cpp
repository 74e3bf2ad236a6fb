#include "agentctl/losses.h"

#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"

namespace sonde::agentctl {

std::string LossTable(const google::protobuf::RepeatedPtrField<control::v1::Loss>& losses, size_t indent) {
  if (losses.empty()) return "";
  Table table({{"COUNT", Table::Align::kRight}, {"WHAT"}, {"CAUSE"}, {"CONSEQUENCE"}});
  for (const control::v1::Loss& loss : losses) {
    table.AddRow(
        {HumanCount(loss.count()), Printable(loss.what()), Printable(loss.cause()), Printable(loss.consequence())});
  }
  return table.Shown(indent);
}

std::string LossNotice(const google::protobuf::RepeatedPtrField<control::v1::Loss>& losses) {
  if (losses.empty()) return "";
  return Paint(Colour::kYellow, "Lost in this interval:") + "\n" + LossTable(losses, 2);
}

}  // namespace sonde::agentctl
