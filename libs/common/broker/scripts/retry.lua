-- An attempt failed and there will be another: in one step, so that no crash falls between the two.
-- WHEN FULL: runs
-- States: active -> delayed, or waiting | prioritized where the delay is 0
-- KEYS: jobs delayed reasons
-- ARGV: id, fence, delay_ms, the attempt as a line of JSON, reason
-- Answer: 1, or 0 where the lease is not held
-- USES: clock lease history put_back events wake

local id, fence, delay_ms, line, reason = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
if not holds(redis.call('HGET', leases, id), fence) then
  return 0
end
local now = now_ms()
local record = redis.call('HGET', jobs, id)
end_lease(id, record, now)
local attempts, stalls, lines = load_runs(id)
save_runs(id, attempts + 1, stalls, with_line(lines, line))
if delay_ms > 0 then
  redis.call('ZADD', delayed, now + delay_ms, id)
  redis.call('HSET', reasons, id, reason)
  wake_a_worker()
else
  put_back(id, record, now, false)
end
count('retried', 1)
tell('retried', { id }, 'delay_ms', delay_ms)
return 1
