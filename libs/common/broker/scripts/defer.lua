-- The job may not run yet: moved to a moment, no attempt counted. Where it came further, the leases that were lost before
-- are forgiven: a long run that has progressed since is no job that kills its workers.
-- WHEN FULL: runs
-- States: active -> delayed, or waiting | prioritized where the moment has passed
-- KEYS: jobs delayed reasons
-- ARGV: id, fence, until (milliseconds since the epoch, on Redis's clock), reason, 1 where it came further
-- Answer: 1, or 0 where the lease is not held
-- USES: clock lease history put_back events wake

local id, fence, until_ms, reason = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if not holds(redis.call('HGET', leases, id), fence) then
  return 0
end
local now = now_ms()
local record = redis.call('HGET', jobs, id)
end_lease(id, record, now)
if ARGV[5] == '1' then
  forgive(id)
end
if until_ms > now then
  redis.call('ZADD', delayed, until_ms, id)
  redis.call('HSET', reasons, id, reason)
  wake_a_worker()
else
  put_back(id, record, now, false)
end
count('deferred', 1)
tell('deferred', { id }, 'until_ms', until_ms, 'reason', reason)
return 1
