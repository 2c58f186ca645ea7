-- A running job that was asked to stop has stopped.
-- WHEN FULL: runs
-- States: active -> none
-- KEYS: jobs
-- ARGV: id, fence
-- Answer: 1, or 0 where the lease is not held
-- USES: clock lease finish forget events

local id, fence = ARGV[1], ARGV[2]
if not holds(redis.call('HGET', leases, id), fence) then
  return 0
end
local now = now_ms()
local record = redis.call('HGET', jobs, id)
local header = header_of(record)
end_lease(id, record, now)
release(header.unique, id, now)
child_ended(header.parent, 'gone', now)
forget({ id })
count('cancelled', 1)
tell('cancelled', { id })
return 1
