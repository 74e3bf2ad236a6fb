#pragma once

#include <vector>

#include "absl/status/status.h"
#include "agent/names/name_wire.h"
#include "agent/names/packet_socket.h"
#include "base/unique_fd.h"

namespace sonde::names {

// The worker's answers to kTable and kExtract, of the file that came with the request, of which nothing is kept. An
// error means that the socket failed; whatever is wrong with the file is an answer.
absl::Status AnswerTable(const Request& request, std::vector<base::UniqueFd> fds, PacketSocket* socket);
absl::Status AnswerExtract(const Request& request, std::vector<base::UniqueFd> fds, PacketSocket* socket);

}  // namespace sonde::names
