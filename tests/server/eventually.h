#pragma once

// Waiting for what a server does in its own time.

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace weft::server {

// Asks again and again, with pauses that spare a busy machine. Fails the test after a minute, which
// is no measurement but the guard against a hang.
template <typename Condition>
void Eventually(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "it did not happen within a minute";
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace weft::server
