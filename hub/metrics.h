// The hub's counters as Prometheus text.
#pragma once

#include <cstdint>
#include <string>

#include "hub/ingest/device_gateway.h"
#include "hub/live/live_core.h"
#include "hub/storage/readings_store.h"
#include "hub/web/web_server.h"

namespace hub {

/// One moment of the hub; the cores' counters are summed.
struct MetricsSample {
  StoreStatus store;
  DeviceGateway::Counters ingest;
  LiveCore::Counters live;
  WebServer::Counters web;
  Identity::Counters identity;
  ApprovalDesk::Counters approvals;
  HubActivity activity;
  std::uint64_t devices = 0, devices_connected = 0;
  bool ready = false;
};

std::string metrics_text(const MetricsSample& sample);

std::uint64_t resident_bytes();  // of this process

}  // namespace hub
