#pragma once

// The HTTP of the application, under /api/v1: shows, live sessions, revisions, drafts, lines, cuts, cues, the
// compiled script. What there is stands in openapi.json, which is served at /api/v1/openapi.json.
//
//   target ─> route (404, 405, OPTIONS) ─> who asks (401) ─> body (400, 411, 413, 415) ─> show, revision (400, 404)
//          ─> rights (403) ─> the hub: who is where, the room held ─> blockers (409) ─> call ─> the hub is told
//
// Reading is open to everybody, as joining is; writing needs a token of a user who may write in the current
// show. After a change all who are connected are told, by an ACTION without data: GET_SCRIPT_REVISIONS and
// GET_SCRIPT_CONFIG_STATUS (the hub itself says so where the current revision, a draft or a live session changed),
// GET_SCRIPT_METADATA (lines), GET_CUTS, GET_CUES, GET_SHOW_SESSION_DATA, SHOW_CHANGED.
//
// Whether a live session runs is looked at in the transaction that writes; so whatever is answered with success
// was done while none ran.
//
// Threads: Handle runs on the executor of its coroutine and never blocks it: rows are read and written on two
// threads of its own, the hub is asked on its own thread. Queue: each HTTP socket has one request under way, so as
// many wait as there are sockets. Bound: bodies kMaxBodyBytes.
// Ownership: what `services` names outlives it.

#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <string_view>

#include "server/api/request.h"
#include "server/asio.h"
#include "server/script/script_calls.h"

namespace weft::server::script {

class ScriptHttp {
 public:
  static constexpr std::size_t kMaxBodyBytes = std::size_t{1} << 20;

  explicit ScriptHttp(CallServices services) : services_(std::move(services)) {}

  // Whether a path, without a query, is one of these.
  static bool Serves(std::string_view path);

  asio::awaitable<api::Answer> Handle(const api::Request& request);

  // Waits for what is under way. To be called when no executor of a coroutine runs any more; the last call.
  void Stop() { pool_.join(); }

 private:
  asio::awaitable<HttpAnswer> Answer(const api::Request& request, const api::Target& target,
                                     const Route& route);
  asio::awaitable<Outcome> Guarded(const Route& route, Work& work);
  asio::awaitable<HttpAnswer> Finish(Outcome& outcome);

  const CallServices services_;
  asio::thread_pool pool_{2};
  const asio::any_io_executor executor_ = pool_.get_executor();
};

}  // namespace weft::server::script
