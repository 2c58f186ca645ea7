-- Lets no job under a key start before a moment, as a provider's Retry-After asks.
-- WHEN FULL: runs
-- States: unchanged; a job that is taken meanwhile is delayed
-- KEYS: pauses
-- ARGV: key, until (milliseconds since the epoch, on Redis's clock), 0 to end the pause
-- Answer: 1

if ARGV[2] == '0' then
  redis.call('HDEL', pauses, ARGV[1])
else
  redis.call('HSET', pauses, ARGV[1], ARGV[2])
end
return 1
