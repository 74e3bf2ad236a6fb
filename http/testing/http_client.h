#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>

#include "base/unique_fd.h"

// A blocking HTTP client on loopback. Included by tests only.
namespace sonde::http::testing {

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

// Sends `bytes` as they are and reads until the server closes.
inline std::string Exchange(int port, const std::string& bytes) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<uint16_t>(port));
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.Get(), reinterpret_cast<sockaddr*>(&server), sizeof(server)) != 0) return "";
  for (size_t sent = 0; sent < bytes.size();) {
    ssize_t count = ::send(fd.Get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) break;  // the server may answer and close before it has read everything
    sent += static_cast<size_t>(count);
  }
  std::string answer(65'536, '\0');
  size_t size = 0;
  for (ssize_t count = 1; count > 0; size += static_cast<size_t>(count)) {
    if (answer.size() - size < 65'536) answer.resize(2 * answer.size());
    count = ::recv(fd.Get(), answer.data() + size, answer.size() - size, 0);
    if (count < 0) break;
  }
  answer.resize(size);
  return answer;
}

inline Answer Parse(const std::string& text) {
  Answer answer;
  size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos || text.size() < 12) return answer;
  answer.status = std::stoi(text.substr(9, 3));
  answer.body = text.substr(end + 4);
  for (size_t at = text.find("\r\n") + 2; at < end;) {
    size_t line_end = text.find("\r\n", at);
    size_t colon = text.find(": ", at);
    answer.headers[text.substr(at, colon - at)] = text.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  return answer;
}

// One request with the right Host; `headers` are whole lines, each ended by \r\n.
inline Answer Get(int port, const std::string& target, const std::string& headers = "",
                  const std::string& method = "GET") {
  return Parse(Exchange(port, method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                                  "\r\nConnection: close\r\n" + headers + "\r\n"));
}

}  // namespace sonde::http::testing
