-- Reserves moments at which a line may be asked, evenly spaced: a GCRA without bursts, for all workers together.
-- The moments follow on the last one promised; those beyond the horizon are not promised. Whoever gets too few may
-- queue up: it is told when to come back, and the next one is told a later moment, so that they return one by one.
-- State: one hash per line: next, the first moment not promised; queue, when those who wait are to be back.
-- KEYS[1]: the line's hash
-- ARGV: moments wanted, microseconds between them, horizon in microseconds, longest wait in microseconds, or 0 for
--       not to queue up
-- Answer: how many are reserved, microseconds from now to the first of them, microseconds from now to come back in

local wanted, interval, horizon, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local kept = redis.call('HMGET', KEYS[1], 'next', 'queue')
local start = math.max(tonumber(kept[1]) or 0, now)
local queue = tonumber(kept[2]) or 0

local fitting = math.max(0, math.floor((now + horizon - start) / interval) + 1)
local reserved = math.min(wanted, fitting)
local next = start + reserved * interval

local back = next
if reserved < wanted and longest > 0 then
  queue = math.max(queue, next)
  if queue > now + longest then
    queue = math.max(next, now + horizon)
  end
  back = queue
  queue = queue + (wanted - reserved) * interval
end

-- Lua would write so large a number with too few digits.
redis.call('HSET', KEYS[1], 'next', string.format('%.0f', next), 'queue', string.format('%.0f', queue))
redis.call('PEXPIRE', KEYS[1], math.ceil((math.max(next, queue) - now) / 1000) + 1000)
return { reserved, start - now, back - now }
