-- Makes a job a dead letter: kept with its payload and every attempt's error until a person decides.
-- KEYS: jobs failed reasons cancels
-- USES: finish events

local function bury(id, record, reason, now)
  local header = header_of(record)
  redis.call('ZADD', failed, now, id)
  redis.call('HSET', reasons, id, reason)
  redis.call('HDEL', cancels, id)
  release(header.unique_key, id)
  child_ended(header.parent, true, now)
  count('failed', 1)
  tell('failed', { id }, 'reason', reason)
end
