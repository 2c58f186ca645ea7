-- Sets what a key allows, for good or until a moment; jobs that it now lets run stand in line again.
-- WHEN FULL: runs
-- States: waiting outside the line -> waiting | prioritized
-- KEYS: limits overrides
-- ARGV: key, interval_ms, burst, at_once (0 for no such limit), for how many ms it overrides (0 for good)
-- Answer: 1
-- USES: clock limits

local key, now = ARGV[1], now_ms()
local text = ARGV[2] .. ':' .. ARGV[3] .. ':' .. ARGV[4]
if ARGV[5] == '0' then
  redis.call('HSET', limits, key, text)
else
  redis.call('HSET', overrides, key, text .. ':' .. (now + tonumber(ARGV[5])))
end
unpark(key, now)
return 1
