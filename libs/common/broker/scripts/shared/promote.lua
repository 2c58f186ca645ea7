-- Delayed jobs whose time has come: to the end of their group's FIFO, or among its prioritized.
-- KEYS: delayed jobs reasons
-- USES: put_back

local function promote(now, at_most)
  local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, at_most)
  if #due == 0 then
    return
  end
  redis.call('ZREM', delayed, unpack(due))
  redis.call('HDEL', reasons, unpack(due))
  local records = redis.call('HMGET', jobs, unpack(due))
  for i, id in ipairs(due) do
    if records[i] then
      put_back(id, records[i], now, false)
    end
  end
end
