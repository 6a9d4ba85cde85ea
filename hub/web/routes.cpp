// The index of the API. docs/rest.md and openapi.json describe the same calls.
#include "hub/web/alert_routes.h"
#include "hub/web/approval_routes.h"
#include "hub/web/audit_routes.h"
#include "hub/web/device_routes.h"
#include "hub/web/enrolment_routes.h"
#include "hub/web/execution_routes.h"
#include "hub/web/group_routes.h"
#include "hub/web/hub_routes.h"
#include "hub/web/install_routes.h"
#include "hub/web/invitation_routes.h"
#include "hub/web/live_routes.h"
#include "hub/web/reading_routes.h"
#include "hub/web/route.h"
#include "hub/web/session_routes.h"
#include "hub/web/token_routes.h"
#include "hub/web/user_routes.h"

namespace hub::web {

std::span<const Route> routes() {
  using enum Operation;
  static constexpr Route kTable[] = {
      {"GET", "/healthz", Access::anyone(), get_health},
      {"GET", "/readyz", Access::anyone(), get_readiness},
      {"GET", "/metrics", Access::anyone(), get_metrics},  // to this machine; others need read_hub, see get_metrics()
      {"GET", "/install", Access::anyone(), get_install_script},
      {"GET", "/install/{package}", Access::anyone(), get_agent_package},
      {"GET", "/api/v1/openapi.json", Access::anyone(), get_openapi},

      {"GET", "/api/v1/setup", Access::anyone(), get_setup},
      {"POST", "/api/v1/setup", Access::anyone(), post_setup},  // the set-up code is the credential
      {"POST", "/api/v1/session", Access::anyone(), post_session},
      {"GET", "/api/v1/session", Access::self(), get_session},
      {"DELETE", "/api/v1/session", Access::in_person(), delete_session},
      {"PUT", "/api/v1/session/password", Access::in_person(), put_password},

      {"GET", "/api/v1/tokens", Access::in_person(), list_tokens},
      {"POST", "/api/v1/tokens", Access::in_person(), post_token},
      {"DELETE", "/api/v1/tokens/{token}", Access::in_person(), delete_token},

      {"POST", "/api/v1/tickets", subscribe_live, post_ticket},
      {"GET", "/api/v1/live/sse", subscribe_live, get_live_events},
      {"GET", "/api/v1/live/poll", subscribe_live, get_live_poll},

      {"GET", "/api/v1/devices", read_devices, list_devices},
      {"GET", "/api/v1/devices/{device}", read_devices, get_device},
      {"PATCH", "/api/v1/devices/{device}", manage_devices, patch_device},
      {"DELETE", "/api/v1/devices/{device}", manage_devices, delete_device},
      {"DELETE", "/api/v1/devices/{device}/credentials", manage_devices, revoke_device},
      {"GET", "/api/v1/devices/{device}/commands", read_devices, list_commands},
      {"GET", "/api/v1/devices/{device}/series", read_readings, list_series},
      {"GET", "/api/v1/devices/{device}/series/{series}/readings", read_readings, get_readings},
      {"GET", "/api/v1/devices/{device}/readings", read_readings, get_many_readings},
      {"GET", "/api/v1/devices/{device}/gaps", read_readings, list_gaps},
      {"GET", "/api/v1/latest", read_readings, list_latest},

      {"GET", "/api/v1/groups", read_devices, list_groups},
      {"GET", "/api/v1/groups/{group}", read_devices, get_group},
      {"PUT", "/api/v1/groups/{group}", manage_devices, put_group},
      {"DELETE", "/api/v1/groups/{group}", manage_devices, delete_group},

      {"POST", "/api/v1/devices/{device}/executions", run_command, post_execution},
      {"GET", "/api/v1/devices/{device}/executions", read_executions, list_executions},
      {"GET", "/api/v1/executions/{execution}", read_executions, get_execution},
      {"POST", "/api/v1/executions/{execution}/cancel", cancel_command, cancel_execution},

      {"GET", "/api/v1/alert-rules", read_alerts, list_rules},
      {"POST", "/api/v1/alert-rules", manage_alert_rules, post_rule},
      {"GET", "/api/v1/alert-rules/{rule}", read_alerts, get_rule},
      {"PUT", "/api/v1/alert-rules/{rule}", manage_alert_rules, put_rule},
      {"DELETE", "/api/v1/alert-rules/{rule}", manage_alert_rules, delete_rule},
      {"GET", "/api/v1/alerts", read_alerts, list_alerts},
      {"GET", "/api/v1/alerts/{alert}", read_alerts, get_alert},
      {"POST", "/api/v1/alerts/{alert}/acknowledge", acknowledge_alert, post_acknowledgement},

      {"POST", "/api/v1/enrolments", enrol_devices, post_enrolment},
      {"POST", "/api/v1/enrolments/redeem", Access::anyone(), redeem_enrolment},  // the token is the credential
      {"GET", "/api/v1/enrolments/requests", enrol_devices, list_approval_requests},
      {"POST", "/api/v1/enrolments/requests", Access::anyone(), post_approval_request},     // an admin will decide
      {"POST", "/api/v1/enrolments/requests/collect", Access::anyone(), collect_approval},  // with the request's secret
      {"POST", "/api/v1/enrolments/requests/{request}/approve", enrol_devices, approve_request},
      {"POST", "/api/v1/enrolments/requests/{request}/deny", enrol_devices, deny_request},

      {"GET", "/api/v1/users", read_users, list_users},
      {"POST", "/api/v1/users", manage_users, post_user},
      {"GET", "/api/v1/users/{user}", read_users, get_user},
      {"PATCH", "/api/v1/users/{user}", manage_users, patch_user},
      {"PUT", "/api/v1/users/{user}/password", manage_users, put_user_password},
      {"DELETE", "/api/v1/users/{user}", manage_users, delete_user},

      {"GET", "/api/v1/invitations", read_users, list_invitations},
      {"POST", "/api/v1/invitations", manage_users, post_invitation},
      {"DELETE", "/api/v1/invitations/{invitation}", manage_users, delete_invitation},
      {"POST", "/api/v1/invitations/look", Access::anyone(), look_at_invitation},  // the token is the credential
      {"POST", "/api/v1/invitations/accept", Access::anyone(), accept_invitation},

      {"GET", "/api/v1/audit", read_audit, list_audit},

      {"GET", "/api/v1/hub", read_hub, get_hub},
  };
  return kTable;
}

}  // namespace hub::web
