#pragma once

namespace sonde::app {

// Sends what gRPC and protobuf would write to stderr by themselves into our log, at debug level: what matters of it
// reaches the log or the client as the error of the request or of the start. Call once, before either is used.
void RouteLibraryLogs();

}  // namespace sonde::app
