#include "agent/app/peer_words.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace sonde::app {

std::string AddressText(const model::Counterpart& peer) {
  in6_addr six{};
  std::copy_n(peer.address.begin(), sizeof(six.s6_addr), six.s6_addr);
  const bool is_mapped = peer.is_ipv6 && IN6_IS_ADDR_V4MAPPED(&six);
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.is_ipv6 && !is_mapped) return ::inet_ntop(AF_INET6, &six, text, sizeof(text)) ? text : "";
  return ::inet_ntop(AF_INET, peer.address.data() + (is_mapped ? 12 : 0), text, sizeof(text)) ? text : "";
}

}  // namespace sonde::app
