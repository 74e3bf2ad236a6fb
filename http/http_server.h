#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "http/http.h"

namespace sonde::http {

// An HTTP server that stays small whoever talks to it: two threads, 32 connections, 32 KiB of request each, five idle
// seconds, GET and HEAD only, and POST where that is wanted, of 64 KiB at most. Bound to loopback it answers only
// requests whose Host is this machine's (421 otherwise: a web page elsewhere may point its own name at 127.0.0.1).
// Every answer carries a Content-Security-Policy that keeps the page to this origin, nosniff, and a ban on framing;
// none allows another origin to read it.
class HttpServer {
 public:
  // Called on the server's threads, maybe on both at once.
  using Handler = std::function<Response(const Request&)>;

  // What is answered; of anything else the answer is 405.
  enum class Methods : uint8_t { kGet, kGetAndPost };

  // Listens on `address` (HOST:PORT, [IPv6]:PORT; port 0 = any). kUnavailable when it cannot, with what to do.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address, Handler handler,
                                                           Methods methods = Methods::kGet);
  virtual ~HttpServer() = default;

  virtual int Port() const = 0;
  // Open at this moment.
  virtual unsigned Connections() const = 0;
  // Takes no more requests and returns when those in progress are answered. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace sonde::http
