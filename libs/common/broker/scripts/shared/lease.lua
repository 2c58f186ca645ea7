-- Ending a lease.
-- KEYS: active leases
-- USES: holds record limits

local function end_lease(id, record, now)
  redis.call('ZREM', active, id)
  redis.call('HDEL', leases, id)
  if record and needs_attention(record) then
    leave_limits(header_of(record).limits, now, true)
  end
end
