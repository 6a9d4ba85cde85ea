#include "hub/metrics.h"

#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <vector>

namespace hub {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  void counter(const char* name, const char* help, std::uint64_t value) {
    add(name, help, MetricType::Counter).counter.value = static_cast<double>(value);
  }
  /// One family, a line for each value of a label.
  void counters(const char* name, const char* help, const char* label,
                std::initializer_list<std::pair<const char*, std::uint64_t>> values) {
    MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = MetricType::Counter;
    for (const auto& [value, count] : values) {
      auto& metric = family.metric.emplace_back();
      metric.label.push_back({label, value});
      metric.counter.value = static_cast<double>(count);
    }
    all.push_back(std::move(family));
  }
  void gauge(const char* name, const char* help, double value) {
    add(name, help, MetricType::Gauge).gauge.value = value;
  }
  void info(const char* name, const char* help, const char* label, const char* value) {
    auto& metric = add(name, help, MetricType::Gauge);
    metric.label.push_back({label, value});
    metric.gauge.value = 1;
  }
  std::vector<MetricFamily> all;

 private:
  prometheus::ClientMetric& add(const char* name, const char* help, MetricType type) {
    MetricFamily family;
    family.name = name;
    family.help = help;
    family.type = type;
    family.metric.emplace_back();
    all.push_back(std::move(family));
    return all.back().metric.front();
  }
};

}  // namespace

std::string metrics_text(const MetricsSample& s) {
  Families f;
  f.info("telemetry_hub_info", "Version of this hub.", "version", TELEMETRY_VERSION);
  f.gauge("telemetry_hub_ready", "1 while the hub stores what devices send.", s.ready ? 1 : 0);
  f.gauge("telemetry_hub_storage_failed", "1 while ingest is stopped by the disk.", s.store.failure.empty() ? 0 : 1);
  f.gauge("telemetry_hub_uptime_seconds", "Since this process started.", static_cast<double>(s.activity.uptime_s));
  f.gauge("process_resident_memory_bytes", "Resident memory.", static_cast<double>(s.activity.memory_bytes));

  f.counter("telemetry_hub_readings_stored_total", "Readings stored since the start.", s.store.readings_stored);
  f.counter("telemetry_hub_frames_stored_total", "Frames stored since the start.", s.store.frames_stored);
  f.counter("telemetry_hub_frames_duplicate_total", "Frames that were stored before and came again.",
            s.store.frames_duplicate);
  f.counter("telemetry_hub_commits_total", "Group commits.", s.store.commits);
  f.counter("telemetry_hub_fsyncs_total", "Flushes to the disk.", s.store.fsyncs);
  f.counter("telemetry_hub_seals_total", "Sealings of the journal into chunks.", s.store.seals);
  f.counter("telemetry_hub_seals_postponed_total", "Sealings that found no room on the disk and are tried again.",
            s.store.seals_postponed);
  f.gauge("telemetry_hub_commit_number", "The newest durable commit.", static_cast<double>(s.store.head.commit));
  f.gauge("telemetry_hub_sealed_through", "The newest commit that is sealed.",
          static_cast<double>(s.store.sealed_through));
  f.gauge("telemetry_hub_journal_bytes", "Journal on disk.", static_cast<double>(s.store.journal_bytes));
  f.gauge("telemetry_hub_recent_bytes", "Chunks on disk.", static_cast<double>(s.store.recent_bytes));
  f.gauge("telemetry_hub_partitions", "Past days, each a file.", static_cast<double>(s.store.partitions));
  f.gauge("telemetry_hub_partition_bytes", "Past days on disk.", static_cast<double>(s.store.partition_bytes));
  f.counter("telemetry_hub_compactions_total", "Days written as a file.", s.store.compactions);
  f.gauge("telemetry_hub_retention_halted", "1 while nothing expires because the clock cannot be trusted.",
          s.store.retention_halted ? 1 : 0);
  f.gauge("telemetry_hub_storage_reserve_bytes", "Room kept for a full disk; 0: it had to be given up.",
          static_cast<double>(s.store.reserve_bytes));
  if (const auto& forecast = s.store.forecast) {
    f.gauge("telemetry_hub_storage_bytes_per_day", "What a day came to lately.", forecast->bytes_per_day);
    f.gauge("telemetry_hub_storage_days_left", "Until the disk is full; +Inf: retention keeps it from that.",
            forecast->days_left.value_or(std::numeric_limits<double>::infinity()));
  }
  f.gauge("telemetry_hub_tail_bytes", "Unsealed readings in memory.", static_cast<double>(s.store.tail_bytes));

  f.gauge("telemetry_hub_devices", "Devices enrolled.", static_cast<double>(s.devices));
  f.gauge("telemetry_hub_devices_connected", "Devices connected.", static_cast<double>(s.devices_connected));
  f.gauge("telemetry_hub_device_sessions", "Device sessions open.", static_cast<double>(s.ingest.sessions));
  f.counter("telemetry_hub_ingest_frames_total", "Frames received.", s.ingest.frames);
  f.counter("telemetry_hub_ingest_readings_total", "Readings received.", s.ingest.readings);
  f.counter("telemetry_hub_ingest_bytes_total", "Bytes of frames received.", s.ingest.bytes);
  f.counter("telemetry_hub_ingest_duplicates_total", "Frames received again.", s.ingest.duplicates);
  f.counter("telemetry_hub_ingest_rejected_frames_total", "Frames refused; each left a gap.", s.ingest.rejected_frames);
  f.counter("telemetry_hub_ingest_rejected_readings_total", "Readings refused; each is in a gap.",
            s.ingest.rejected_readings);

  f.counter("telemetry_hub_ingest_rests_total", "Times that a device was read later since it was too fast.",
            s.ingest.rests);
  f.counter("telemetry_hub_ingest_hello_timeouts_total", "Device sockets closed since they said nothing in time.",
            s.ingest.hello_timeouts);

  f.gauge("telemetry_hub_viewers", "Live streams open.", static_cast<double>(s.live.viewers));
  f.gauge("telemetry_hub_viewers_event_streams", "Live streams open that are server-sent events.",
          static_cast<double>(s.live.event_streams));
  f.gauge("telemetry_hub_viewers_polling", "Live streams held for clients that poll.",
          static_cast<double>(s.live.polls));
  f.gauge("telemetry_hub_subscriptions", "Subscriptions of live streams.", static_cast<double>(s.live.subscriptions));
  f.counter("telemetry_hub_live_messages_total", "Messages sent to live streams.", s.live.messages_sent);
  f.counter("telemetry_hub_live_bytes_total", "Bytes sent to live streams.", s.live.bytes_sent);
  f.counter("telemetry_hub_live_slow_closed_total", "Live streams closed since their reader was too slow.",
            s.live.slow_closed);
  f.gauge("telemetry_hub_live_backlog_bytes", "Bytes that wait for live streams whose readers have not taken them.",
          static_cast<double>(s.live.backlog_bytes));

  f.gauge("telemetry_hub_connections", "Connections open, WebSockets included.",
          static_cast<double>(s.web.connections));
  f.counter("telemetry_hub_connections_accepted_total", "Connections accepted.", s.web.accepted);
  f.counters("telemetry_hub_connections_refused_total", "Connections closed before their handshake.", "reason",
             {{"full", s.web.refused_full},
              {"address_full", s.web.refused_address_full},
              {"address_too_often", s.web.refused_address_too_often}});
  f.counter("telemetry_hub_tls_failures_total", "TLS handshakes that failed, those that were too slow included.",
            s.web.handshakes_failed);
  f.counter("telemetry_hub_tls_shed_total", "TLS handshakes given up for newer ones of other addresses.",
            s.web.handshakes_shed);
  f.counter("telemetry_hub_http_timeouts_total", "Requests that were not sent to their end in time.", s.web.timed_out);
  f.counters("telemetry_hub_sign_ins_total", "Attempts to sign in with a password.", "outcome",
             {{"succeeded", s.identity.sign_ins},
              {"failed", s.identity.failed},
              {"refused_too_often", s.identity.refused},
              {"refused_no_place", s.identity.crowded_out}});
  f.counter("telemetry_hub_sign_ins_slowed_total", "Attempts that had to wait since their account is being guessed at.",
            s.identity.slowed);
  f.counter("telemetry_hub_password_hashes_total", "Password hashes computed; two at a time at most.",
            s.identity.hashes);
  f.counters("telemetry_hub_enrolment_requests_total", "Devices that asked to join without a token.", "outcome",
             {{"asked", s.approvals.asked},
              {"approved", s.approvals.approved},
              {"denied", s.approvals.denied},
              {"expired", s.approvals.expired},
              {"refused", s.approvals.refused}});
  f.counter("telemetry_hub_http_requests_total", "HTTP requests answered.", s.web.requests);
  f.counter("telemetry_hub_http_client_errors_total", "Answers with a 4xx status.", s.web.client_errors);
  f.counter("telemetry_hub_http_server_errors_total", "Answers with a 5xx status.", s.web.server_errors);
  return prometheus::TextSerializer().Serialize(f.all);
}

std::uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace hub
