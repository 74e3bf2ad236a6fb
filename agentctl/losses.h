#pragma once

#include <string>

#include "google/protobuf/repeated_ptr_field.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::agentctl {

// What was lost, by cause, with the consequence: a table behind `indent` blanks, "" when nothing was.
std::string LossTable(const google::protobuf::RepeatedPtrField<control::v1::Loss>& losses, size_t indent);

// The same under the line "Lost in this interval:", for below the numbers that it concerns.
std::string LossNotice(const google::protobuf::RepeatedPtrField<control::v1::Loss>& losses);

}  // namespace sonde::agentctl
