#include "http/http_server.h"

#include <microhttpd.h>

#include <utility>

#include "http/listen.h"
#include "spdlog/spdlog.h"

namespace sonde::http {
namespace {

constexpr unsigned kThreads = 2;
constexpr unsigned kConnections = 32;
constexpr unsigned kIdleSeconds = 5;
constexpr size_t kConnectionBytes = size_t{32} << 10;
constexpr size_t kMaxBodyBytes = size_t{64} << 10;

// Strict: the page's scripts and styles are files of its own, and what it styles by script needs no exception.
constexpr char kContentSecurityPolicy[] =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

std::string Header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string() : std::string(value);
}

// Whether a page of another origin asks behind its reader's back: it could not read the answer, but make this server
// work. A link that somebody follows is a navigation. Another port of this host is the same site to a browser.
bool IsFromAnotherPage(MHD_Connection* connection, std::string_view method) {
  const std::string site = Header(connection, "Sec-Fetch-Site");
  const bool is_link = method == "GET" && Header(connection, "Sec-Fetch-Mode") == "navigate";
  return (site == "cross-site" || site == "same-site") && !is_link;
}

MHD_Result AddParameter(void* request_pointer, MHD_ValueKind, const char* key, size_t key_size, const char* value,
                        size_t value_size) {
  auto* request = static_cast<Request*>(request_pointer);
  std::string name(key, key_size);
  std::string text = value == nullptr ? std::string() : std::string(value, value_size);
  if (!request->parameters.emplace(name, std::move(text)).second) request->repeated_parameter = name;
  return MHD_YES;
}

// A request whose body may still come.
struct Coming {
  std::string body;
  bool is_too_large = false;
};

Request ReadRequest(MHD_Connection* connection, const char* url, const char* method, std::string body) {
  Request request;
  request.body = std::move(body);
  request.content_type = Header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
  request.content_encoding = Header(connection, MHD_HTTP_HEADER_CONTENT_ENCODING);
  request.method = method;
  request.path = url;
  request.accept_encoding = Header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING);
  request.if_none_match = Header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
  MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, &AddParameter, &request);
  return request;
}

MHD_Result Send(MHD_Connection* connection, const Response& response) {
  std::string_view body = response.static_body.empty() ? std::string_view(response.body) : response.static_body;
  auto mode = response.static_body.empty() ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT;
  MHD_Response* answer = MHD_create_response_from_buffer(body.size(), const_cast<char*>(body.data()), mode);
  if (answer == nullptr) return MHD_NO;  // out of memory: the connection is closed
  if (!response.content_type.empty()) {
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  }
  MHD_add_response_header(answer, "Content-Security-Policy", kContentSecurityPolicy);
  MHD_add_response_header(answer, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(answer, "X-Frame-Options", "DENY");
  MHD_add_response_header(answer, "Referrer-Policy", "no-referrer");
  MHD_add_response_header(answer, "Cross-Origin-Resource-Policy", "same-origin");
  for (const auto& [name, value] : response.headers) MHD_add_response_header(answer, name.c_str(), value.c_str());
  MHD_Result queued = MHD_queue_response(connection, static_cast<unsigned>(response.status), answer);
  MHD_destroy_response(answer);
  return queued;
}

// libmicrohttpd's own messages, such as a client that went away in the middle of an answer.
[[gnu::format(printf, 2, 0)]] void Log(void*, const char* format, va_list arguments) {
  char line[256];
  int length = vsnprintf(line, sizeof(line), format, arguments);
  if (length > 0) spdlog::debug("http: {}", std::string_view(line).substr(0, std::string_view(line).find('\n')));
}

class Server : public HttpServer {
 public:
  Server(Listener listener, Handler handler, Methods methods)
      : listener_(std::move(listener)), handler_(std::move(handler)), methods_(methods) {}
  ~Server() override { Server::Stop(); }

  absl::Status Start() {
    daemon_ = MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ERROR_LOG, 0, nullptr, nullptr,
                               &Server::OnRequest, this, MHD_OPTION_EXTERNAL_LOGGER, &Log, nullptr,
                               MHD_OPTION_NOTIFY_COMPLETED, &Server::OnCompleted, nullptr, MHD_OPTION_LISTEN_SOCKET,
                               listener_.socket.Get(), MHD_OPTION_THREAD_POOL_SIZE, kThreads,
                               MHD_OPTION_CONNECTION_LIMIT, kConnections, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,
                               MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytes, MHD_OPTION_END);
    if (daemon_ == nullptr) return absl::UnavailableError("cannot start the HTTP server: no memory or no threads");
    listener_.socket.Release();  // closed by the daemon
    return absl::OkStatus();
  }

  int Port() const override { return listener_.port; }

  unsigned Connections() const override {
    const MHD_DaemonInfo* info =
        daemon_ == nullptr ? nullptr : MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info == nullptr ? 0 : info->num_connections;
  }

  void Stop() override {
    if (daemon_ != nullptr) MHD_stop_daemon(std::exchange(daemon_, nullptr));
  }

 private:
  // Called once when the headers are in, with `*state` null, then for each part of the body, and again when that is
  // whole.
  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                              const char* upload, size_t* upload_size, void** state) {
    auto* server = static_cast<Server*>(self);
    auto* coming = static_cast<Coming*>(*state);
    if (coming == nullptr) return server->Begin(connection, method, state);
    if (*upload_size == 0) return server->Answer(connection, url, method, coming);
    // The body of a GET means nothing.
    if (std::string_view(method) == "POST") {
      coming->is_too_large |= coming->body.size() + *upload_size > kMaxBodyBytes;
      if (!coming->is_too_large) coming->body.append(upload, *upload_size);
    }
    *upload_size = 0;
    return MHD_YES;
  }

  static void OnCompleted(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Coming*>(*state);
    *state = nullptr;
  }

  MHD_Result Begin(MHD_Connection* connection, std::string_view method, void** state) const {
    const bool takes_posts = methods_ == Methods::kGetAndPost;
    if (method == "GET" || method == "HEAD" || (method == "POST" && takes_posts)) {
      *state = new Coming();  // deleted by OnCompleted()
      return MHD_YES;
    }
    const std::string served = takes_posts ? "GET, HEAD and POST" : "GET and HEAD";
    Response refusal = TextResponse(405, "only " + served + " are served here\n");
    refusal.headers["Allow"] = takes_posts ? "GET, HEAD, POST" : "GET, HEAD";
    return Send(connection, refusal);
  }

  MHD_Result Answer(MHD_Connection* connection, const char* url, const char* method, Coming* coming) {
    if (listener_.is_loopback && !IsLoopbackHost(Header(connection, MHD_HTTP_HEADER_HOST), listener_.port)) {
      return Send(connection,
                  TextResponse(421, "this server is reached as localhost, 127.0.0.1 or [::1] with its port only\n"));
    }
    if (IsFromAnotherPage(connection, method)) {
      return Send(connection, TextResponse(403, "this server answers no page of another origin\n"));
    }
    if (coming->is_too_large) return Send(connection, TextResponse(413, "the request is larger than 64 KiB\n"));
    return Send(connection, handler_(ReadRequest(connection, url, method, std::move(coming->body))));
  }

  Listener listener_;
  Handler handler_;
  const Methods methods_;
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, Handler handler,
                                                              Methods methods) {
  auto listener = Listen(address);
  if (!listener.ok()) return listener.status();
  auto server = std::make_unique<Server>(*std::move(listener), std::move(handler), methods);
  if (auto status = server->Start(); !status.ok()) return status;
  return server;
}

}  // namespace sonde::http
