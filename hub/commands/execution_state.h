// Which state may follow which.
#pragma once

#include "hub/storage/execution_store.h"

namespace hub {

/// What a device may say of an execution in `from`. Final states never change; UNCONFIRMED is settled by a later truth.
bool may_follow(ExecutionState from, ExecutionState to);

}  // namespace hub
