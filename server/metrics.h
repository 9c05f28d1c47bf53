#pragma once

// What GET /metrics answers: the counters of the server in the text format of Prometheus.

#include <optional>
#include <span>
#include <string>

#include "server/http_routes.h"
#include "server/limit_hits.h"
#include "server/stats.h"
#include "server/traffic.h"
#include "server/webhooks/webhooks.h"

namespace weft::server {

// Where the numbers come from. Threads: any.
struct MetricSources {
  Health health;
  const Stats& stats;
  std::span<const Traffic* const> traffic;  // of each worker
  const LatencyHistogram& commits;
  std::uint64_t event_listeners = 0;
  std::optional<webhooks::Counts> webhooks = std::nullopt;  // when there are some
};

std::string RenderMetrics(const MetricSources& sources);

}  // namespace weft::server
