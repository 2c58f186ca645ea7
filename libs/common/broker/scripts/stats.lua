-- The queue in numbers, each of them kept, none of them counted here.
-- States: unchanged
-- KEYS: suspects parked unique_next prioritized delayed active completed failed waiting_children age_index meta
-- Answer: now, waiting, prioritized, delayed, active, completed, failed, waiting-children, the oldest slice or '', meta
-- USES: clock

local counters = redis.call('HMGET', meta, 'appended', 'returned', 'taken')
local in_blocks = (tonumber(counters[1]) or 0) + (tonumber(counters[2]) or 0) - (tonumber(counters[3]) or 0)
return {
  now_ms(),
  in_blocks + redis.call('ZCARD', suspects) + redis.call('ZCARD', parked) + redis.call('HLEN', unique_next),
  redis.call('ZCARD', prioritized), redis.call('ZCARD', delayed),
  redis.call('ZCARD', active), redis.call('ZCARD', completed), redis.call('ZCARD', failed),
  redis.call('ZCARD', waiting_children), redis.call('ZRANGE', age_index, 0, 0)[1] or '', redis.call('HGETALL', meta),
}
