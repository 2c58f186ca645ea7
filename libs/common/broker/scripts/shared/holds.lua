-- A lease: who runs a job since when, until when, and its fencing number.
--   active  id -> when the lease ends (milliseconds)
--   leases  id -> "fence:started:worker"
-- KEYS: active leases

local function holds(lease, fence)
  return lease and string.sub(lease, 1, #fence + 1) == fence .. ':'
end
