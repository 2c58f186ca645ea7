-- A running job says how far it is.
-- WHEN FULL: runs
-- States: unchanged
-- KEYS: progress leases
-- ARGV: id, fence, progress as a JSON object
-- Answer: 1, or 0 where the lease is not held
-- USES: holds events

if not holds(redis.call('HGET', leases, ARGV[1]), ARGV[2]) then
  return 0
end
redis.call('HSET', progress, ARGV[1], ARGV[3])
tell('progress', { ARGV[1] })
return 1
