// The client certificate of a connection.
#pragma once

#include <string>

namespace wire {

struct PeerCertificate {
  std::string serial_hex;   // lower case
  std::string common_name;  // the device's id
  bool expired = false;     // it may ask for its successor, and nothing else
};

}  // namespace wire
