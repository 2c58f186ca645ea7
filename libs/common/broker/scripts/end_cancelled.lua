-- A running job that was asked to stop has stopped.
-- States: active -> none
-- KEYS: jobs
-- ARGV: id, fence
-- Answer: 1, or 0 where the lease is not held
-- USES: clock lease finish events

local id, fence = ARGV[1], ARGV[2]
if not holds(redis.call('HGET', leases, id), fence) then
  return 0
end
local header = header_of(redis.call('HGET', jobs, id))
end_lease(id)
release(header.unique_key, id)
child_ended(header.parent, true, now_ms())
forget({ id })
count('cancelled', 1)
tell('cancelled', { id })
return 1
