#pragma once

// A request to the API, as whoever carries it (HttpSession) hands it over, and its answer.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/asio.h"
#include "server/http_routes.h"

namespace weft::server::api {

// Text that is made while it is sent.
class TextStream {
 public:
  virtual ~TextStream() = default;
  // The next piece; empty at the end.
  virtual asio::awaitable<std::string> Next() = 0;
};

// The body of a request, which is not read before somebody wants it.
class Body {
 public:
  virtual ~Body() = default;
  // Whether the request has one, as far as its header says.
  virtual bool present() const = 0;
  // Whether its length is known from the header.
  virtual bool has_length() const = 0;
  // The whole of it; the view lives as long as the request. Called at most once.
  // Fails: kResourceExhausted when it is longer than `limit`, kUnavailable when the server has as
  // much under way as it takes, kInvalidArgument when the stream ends before.
  virtual asio::awaitable<absl::StatusOr<std::string_view>> Read(std::size_t limit) = 0;
};

// Views and the rest live until the answer is there.
struct Request {
  std::string_view method;
  std::string_view target;
  std::function<std::string_view(std::string_view name)> header;  // empty without it
  Body* body = nullptr;
  std::size_t update_bytes = 0;  // what the body of an update or of an edit may have
  std::string address;           // of the client; empty on a unix socket
  bool is_local = false;         // the client is on this machine
};

struct Answer {
  HttpAnswer http;
  std::unique_ptr<TextStream> stream;  // the body, instead of that of `http`
};

}  // namespace weft::server::api
