-- The queue in numbers, each of them kept, none of them counted here.
-- States: unchanged
-- KEYS: suspects parked unique_next prioritized delayed active completed failed waiting_children age_index meta
-- Answer: now, waiting, prioritized, delayed, active, completed, failed, waiting-children, the oldest slice or '', meta
-- USES: clock

return {
  now_ms(),
  tonumber(redis.call('HGET', meta, 'waiting') or 0) + redis.call('ZCARD', suspects) + redis.call('ZCARD', parked) + redis.call('HLEN', unique_next),
  redis.call('ZCARD', prioritized), redis.call('ZCARD', delayed),
  redis.call('ZCARD', active), redis.call('ZCARD', completed), redis.call('ZCARD', failed),
  redis.call('ZCARD', waiting_children), redis.call('ZRANGE', age_index, 0, 0)[1] or '', redis.call('HGETALL', meta),
}
