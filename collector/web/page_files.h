#pragma once

#include "http/http.h"

namespace sonde::web {

// The file of the web page at the request's path: gzip always (406 for a client that does not take it), 304 when the
// client has it. "/" is asked for anew each time; all other files have their content's hash in their name. 404 else.
http::Response PageFile(const http::Request& request);

}  // namespace sonde::web
