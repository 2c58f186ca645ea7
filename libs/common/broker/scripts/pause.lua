-- Stops handing out the queue's jobs, or starts again; running jobs go on.
-- WHEN FULL: runs
-- States: waiting | prioritized <-> paused
-- KEYS: meta
-- ARGV: 1 to pause, 0 to resume
-- Answer: 1 where this changed something
-- USES: events wake

local changed
if ARGV[1] == '1' then
  changed = redis.call('HSET', meta, 'paused', 1)
  tell('paused', {})
else
  changed = redis.call('HDEL', meta, 'paused')
  tell('resumed', {})
  wake_a_worker()
end
return changed
