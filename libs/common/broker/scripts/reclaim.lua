-- Returns the jobs that a worker was given in an answer that never reached it: in front, with no attempt and no lost lease
-- counted. Leases are told apart by when they began; only the newest are looked at, for the answer was lost just now.
-- WHEN FULL: runs
-- States: active -> waiting | prioritized
-- KEYS: jobs leases active
-- ARGV: worker, lease_ms, since when answers may be lost (milliseconds, on Redis's clock), then the ids that it knows it holds
-- Answer: how many were returned
-- USES: clock lease put_back

local MOST = 2000

local worker, lease_ms, since = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
local known = {}
for i = 4, #ARGV do
  known[ARGV[i]] = true
end

local returned = 0
local recent = redis.call('ZREVRANGEBYSCORE', active, '+inf', since + lease_ms, 'LIMIT', 0, MOST)
for _, id in ipairs(recent) do
  local started, holder = string.match(redis.call('HGET', leases, id) or '', '^%d+:(%d+):(.*)$')
  if holder == worker and tonumber(started) >= since and not known[id] then
    local record = redis.call('HGET', jobs, id)
    end_lease(id, record, now)
    put_back(id, record, now, true)
    returned = returned + 1
  end
end
return returned
