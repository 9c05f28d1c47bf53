#pragma once

// Waiting in a coroutine for what happens on another thread.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <utility>

#include "server/asio.h"

namespace weft::server::api {

// Takes a result, on any thread, once.
template <typename Result>
using Deliver = std::move_only_function<void(Result)>;

// Calls `start`, and goes on with what it delivers, on the thread of the coroutine. What is not
// delivered before the end of the server ends the coroutine with whoever holds `deliver`.
template <typename Result>
asio::awaitable<Result> Await(std::move_only_function<void(Deliver<Result>)> start) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result)>(
      [](auto handler, std::move_only_function<void(Deliver<Result>)> begin) {
        auto executor = asio::get_associated_executor(handler);
        begin([handler = std::move(handler), executor](Result result) mutable {
          asio::post(executor,
                     [handler = std::move(handler), result = std::move(result)]() mutable {
                       std::move(handler)(std::move(result));
                     });
        });
      },
      asio::use_awaitable, std::move(start));
}

// Runs `work` on `executor`, where it may block.
template <typename Result>
asio::awaitable<Result> RunOn(asio::any_io_executor executor,
                              std::move_only_function<Result()> work) {
  std::move_only_function<void(Deliver<Result>)> start =
      [executor, work = std::move(work)](Deliver<Result> deliver) mutable {
        asio::post(executor, [work = std::move(work), deliver = std::move(deliver)]() mutable {
          deliver(work());
        });
      };
  co_return co_await Await<Result>(std::move(start));
}

}  // namespace weft::server::api
