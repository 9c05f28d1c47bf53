#pragma once

// `weft connect`: a room of a running server followed in the terminal, over weft.v1
// (sync/weft_v1_client.h).
//
// What is printed, a change at a time: an account of each update (crdt/update_inspect.h), or the whole
// document as a line of JSON, or a text, first whole and then as what was taken out and put in where
// (in UTF-16 code units). What is said about the connection goes to standard error.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/tools/blob.h"

namespace weft::server {

struct ConnectCommand {
  enum class Show { kUpdates, kText, kJson };

  std::string url;
  std::string room;
  std::optional<std::string> token_file;
  std::string ca_file;  // who is believed over TLS, instead of the system's; may be empty
  Show show = Show::kUpdates;
  std::string root = "content";      // of kText
  std::optional<std::string> write;  // a file with an update, which is sent
  BlobOptions options;               // how that file is read
  bool once = false;                 // until the room is here and what was written is durable
};

// Where a URL leads.
struct WebSocketUrl {
  bool is_tls = false;
  std::string host;
  std::string port;
  std::string target;  // path and query

  friend bool operator==(const WebSocketUrl&, const WebSocketUrl&) = default;
};

// ws://host[:port][/path][?query], or wss://. Fails: kInvalidArgument, in words for whoever typed it.
absl::StatusOr<WebSocketUrl> ParseWebSocketUrl(const std::string& url);

// One text as a change of another: `@12 -"old" +"new"`. Requires: they differ.
std::string DescribeChange(const std::string& before, const std::string& after);

// Does it, until it is done (`once`) or SIGINT or SIGTERM come. Fails: kInvalidArgument, in words for
// whoever typed the command; kUnavailable when the server cannot be reached (`once`);
// kPermissionDenied when it refuses; kFailedPrecondition when the room is deleted meanwhile.
absl::Status RunConnect(const ConnectCommand& command);

}  // namespace weft::server
