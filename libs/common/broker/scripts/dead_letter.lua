-- The last attempt failed, or no repetition would help.
-- WHEN FULL: runs
-- States: active -> failed; waiting-children -> waiting for a parent's last child
-- KEYS: jobs
-- ARGV: id, fence, the attempt as a line of JSON, reason
-- Answer: 1, or 0 where the lease is not held
-- USES: clock lease history finish

local id, fence, line, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not holds(redis.call('HGET', leases, id), fence) then
  return 0
end
local now = now_ms()
local record = redis.call('HGET', jobs, id)
end_lease(id, record, now)
local attempts, stalls, lines = load_runs(id)
save_runs(id, attempts + 1, stalls, with_line(lines, line))
bury(id, record, reason, now)
return 1
