-- A person stops a job: one that is not running is gone at once, one that runs is asked to stop.
-- WHEN FULL: runs
-- States: waiting | prioritized | delayed | waiting-children -> none; active unchanged, marked
-- KEYS: jobs delayed waiting_children active cancels
-- ARGV: id
-- Answer: 'cancelled', 'asked', 'finished' or 'unknown'
-- USES: clock record take_out limits finish forget events wake

local id = ARGV[1]
local now = now_ms()
local record = redis.call('HGET', jobs, id)
if not record then
  return 'unknown'
end
if redis.call('ZSCORE', active, id) then
  redis.call('HSET', cancels, id, now)
  tell('cancelling', { id })
  wake_a_worker()
  return 'asked'
end
local header = header_of(record)
if redis.call('ZREM', delayed, id) == 0 and redis.call('ZREM', waiting_children, id) == 0 and not take_out(id, header) then
  return 'finished'
end
release(header.unique, id, now)
child_ended(header.parent, 'gone', now)
leave_limits(header.limits, now, false)
forget({ id })
count('cancelled', 1)
tell('cancelled', { id })
return 'cancelled'
