-- A worker returns jobs that it will not run: in front, no attempt counted.
-- WHEN FULL: runs
-- States: active -> waiting | prioritized
-- KEYS: jobs leases
-- ARGV: per job: id, fence; the last first, so that the first ends in front
-- Answer: how many were handed back
-- USES: clock lease put_back

local now = now_ms()
local returned = 0
for i = 1, #ARGV, 2 do
  local id = ARGV[i]
  if holds(redis.call('HGET', leases, id), ARGV[i + 1]) then
    local record = redis.call('HGET', jobs, id)
    end_lease(id, record, now)
    put_back(id, record, now, true)
    returned = returned + 1
  end
end
return returned
