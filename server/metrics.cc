#include "server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <utility>
#include <vector>

#include "weft_version.h"

namespace weft::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  void Gauge(std::string name, std::string help, double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    Of(std::move(name), std::move(help), MetricType::Gauge).push_back(std::move(metric));
  }
  void Counter(std::string name, std::string help, double value, Labels labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = value;
    Of(std::move(name), std::move(help), MetricType::Counter).push_back(std::move(metric));
  }
  // The sum of them.
  void Histogram(std::string name, std::string help,
                 const std::vector<const LatencyHistogram*>& histograms) {
    constexpr double kSecond = 1e6;
    ClientMetric metric;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= LatencyHistogram::kBoundsUs.size(); ++i) {
      for (const LatencyHistogram* histogram : histograms) count += histogram->count(i);
      if (i == LatencyHistogram::kBoundsUs.size()) break;
      metric.histogram.bucket.push_back(
          {.cumulative_count = count,
           .upper_bound = static_cast<double>(LatencyHistogram::kBoundsUs[i]) / kSecond});
    }
    metric.histogram.sample_count = count;
    for (const LatencyHistogram* histogram : histograms) {
      metric.histogram.sample_sum += static_cast<double>(histogram->total_us()) / kSecond;
    }
    Of(std::move(name), std::move(help), MetricType::Histogram).push_back(std::move(metric));
  }

  std::string Render() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  std::vector<ClientMetric>& Of(std::string name, std::string help, MetricType type) {
    if (families_.empty() || families_.back().name != name) {
      MetricFamily family;
      family.name = std::move(name);
      family.help = std::move(help);
      family.type = type;
      families_.push_back(std::move(family));
    }
    return families_.back().metric;
  }

  std::vector<MetricFamily> families_;
};

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Under the names that all client libraries use.
void AddProcess(Families& families) {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    families.Counter("process_cpu_seconds_total", "Processor time of the server.",
                     Seconds(usage.ru_utime) + Seconds(usage.ru_stime));
  }
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    unsigned long pages = 0;
    unsigned long resident = 0;
    if (std::fscanf(file, "%lu %lu", &pages, &resident) == 2) {
      families.Gauge("process_resident_memory_bytes", "Memory of the server.",
                     static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)));
    }
    std::fclose(file);
  }
}

void AddNow(Families& families, const Health& health, std::uint64_t listeners) {
  const auto gauge = [&families](const char* name, const char* help, std::uint64_t value) {
    families.Gauge(name, help, static_cast<double>(value));
  };
  families.Gauge("weft_build_info", "1, with the version as a label.", 1,
                 {{"version", WEFT_VERSION}});
  gauge("weft_rooms", "Rooms in memory.", health.rooms);
  gauge("weft_connections", "WebSockets that are open.", health.connections);
  gauge("weft_sockets", "Sockets that are open, whatever they speak.", health.sockets);
  gauge("weft_event_listeners", "Listeners of the event stream.", listeners);
  gauge("weft_room_memory_bytes", "Memory of all rooms, estimated.", health.room_memory_bytes);
  gauge("weft_receiving_bytes", "Bytes of messages that are not whole yet.",
        health.receiving_bytes);
  gauge("weft_queued_bytes", "Bytes that wait for clients to read them.", health.queued_bytes);
  gauge("weft_log_queued_bytes", "Bytes of updates that wait for the log.",
        health.log_queued_bytes);
  gauge("weft_log_up", "1 while the log takes updates.", health.log_error.empty() ? 1 : 0);
}

void AddTraffic(Families& families, const MetricSources& sources) {
  const auto sum = [&sources](Tally Traffic::* tally) {
    std::uint64_t total = 0;
    for (const Traffic* traffic : sources.traffic) total += (traffic->*tally).value();
    return static_cast<double>(total);
  };
  families.Counter("weft_received_messages_total", "Messages of clients.",
                   sum(&Traffic::received_messages));
  families.Counter("weft_received_bytes_total", "Bytes that clients sent over WebSockets.",
                   sum(&Traffic::received_bytes));
  families.Counter("weft_sent_messages_total", "Messages for clients.",
                   sum(&Traffic::sent_messages));
  families.Counter("weft_sent_bytes_total", "Bytes that clients were sent over WebSockets.",
                   sum(&Traffic::sent_bytes));
  families.Counter("weft_updates_total",
                   "Updates that were accepted; what came together may be one.",
                   sum(&Traffic::updates));
  for (std::size_t i = 0; i < auth::kRefusalCount; ++i) {
    const auto refusal = static_cast<auth::Refusal>(i);
    families.Counter("weft_refused_total",
                     "Who was not let in or had to leave, and writes, by why.",
                     static_cast<double>(sources.stats.refusals.count(refusal)),
                     {{"why", std::string(auth::RefusalName(refusal))}});
  }
  for (std::size_t i = 0; i < CloseCounts::kCodes.size(); ++i) {
    families.Counter("weft_closes_total", "WebSockets that the server closed, by code.",
                     static_cast<double>(sources.stats.closes.count(i)),
                     {{"code", std::to_string(CloseCounts::kCodes[i])}});
  }
  for (std::size_t i = 0; i < kLimitCount; ++i) {
    const auto limit = static_cast<Limit>(i);
    families.Counter("weft_limit_reached_total", "How often each limit was reached.",
                     static_cast<double>(sources.stats.limits.count(limit)),
                     {{"limit", std::string(LimitName(limit))}});
  }
}

void AddLog(Families& families, const MetricSources& sources) {
  const Health& health = sources.health;
  const auto counter = [&families](const char* name, const char* help, std::uint64_t value) {
    families.Counter(name, help, static_cast<double>(value));
  };
  counter("weft_log_commits_total", "Transactions of the log.", health.log_commits);
  counter("weft_log_appends_total", "Updates in them.", health.log_appends);
  counter("weft_log_failures_total", "Updates that could not be stored.", health.log_failed);
  counter("weft_log_quarantined_total", "Damaged records that were set aside.",
          health.log_quarantined);
  counter("weft_log_compactions_total", "Rooms whose updates became a snapshot.",
          health.log_compactions);
  families.Gauge("weft_log_journal_entries", "Updates in the log's journal, folded or not.",
                 static_cast<double>(health.log_journal_entries));
  families.Histogram("weft_log_commit_seconds", "How long commits of the log took.",
                     {&sources.commits});
  std::vector<const LatencyHistogram*> acknowledgements;
  for (const Traffic* traffic : sources.traffic) {
    acknowledgements.push_back(&traffic->acknowledgements);
  }
  families.Histogram("weft_acknowledge_seconds",
                     "From accepting an update to the answer of the log.", acknowledgements);
}

void AddWebhooks(Families& families, const webhooks::Counts& counts) {
  families.Gauge("weft_webhook_outbox_events", "Events that wait for the receiver.",
                 static_cast<double>(counts.outbox));
  families.Counter("weft_webhook_delivered_total", "Events that the receiver took.",
                   static_cast<double>(counts.delivered));
  families.Counter("weft_webhook_failures_total", "Attempts that failed, and are made again.",
                   static_cast<double>(counts.failures));
  families.Counter("weft_webhook_dropped_total", "Events that were given up.",
                   static_cast<double>(counts.dropped));
}

}  // namespace

std::string RenderMetrics(const MetricSources& sources) {
  Families families;
  AddNow(families, sources.health, sources.event_listeners);
  AddTraffic(families, sources);
  AddLog(families, sources);
  if (sources.webhooks) AddWebhooks(families, *sources.webhooks);
  AddProcess(families);
  return families.Render();
}

}  // namespace weft::server
