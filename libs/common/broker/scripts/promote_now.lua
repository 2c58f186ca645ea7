-- A delayed job need not wait for its time.
-- WHEN FULL: runs
-- States: delayed -> waiting | prioritized
-- KEYS: jobs delayed reasons
-- ARGV: id
-- Answer: 1, or 0 where it is not delayed
-- USES: clock put_back events

local id = ARGV[1]
if redis.call('ZREM', delayed, id) == 0 then
  return 0
end
redis.call('HDEL', reasons, id)
put_back(id, redis.call('HGET', jobs, id), now_ms(), false)
tell('promoted', { id })
return 1
