-- A lease: who runs a job since when, until when, and its fencing number.
--   active  id -> when the lease ends (milliseconds)
--   leases  id -> "fence:started:worker"
-- KEYS: active leases
-- USES: record limits

local function holds(lease, fence)
  return lease and string.sub(lease, 1, #fence + 1) == fence .. ':'
end

local function end_lease(id, record, now)
  redis.call('ZREM', active, id)
  redis.call('HDEL', leases, id)
  if record and needs_attention(record) then
    leave_limits(header_of(record).limits, now, true)
  end
end
