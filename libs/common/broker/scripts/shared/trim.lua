-- Keeping no more completed jobs than asked.
-- KEYS: completed
-- USES: forget

-- Keeps at most `keep_count` completed jobs, none older than `keep_ms`; a bounded number of them is dropped per call.
local function trim_completed(keep_count, keep_ms, now)
  local surplus = math.min(100, redis.call('ZCARD', completed) - keep_count)
  if surplus > 0 then
    local oldest = redis.call('ZRANGE', completed, 0, surplus - 1)
    redis.call('ZREM', completed, unpack(oldest))
    forget(oldest)
  end
  local expired = redis.call('ZRANGEBYSCORE', completed, '-inf', now - keep_ms, 'LIMIT', 0, 100)
  if #expired > 0 then
    redis.call('ZREM', completed, unpack(expired))
    forget(expired)
  end
end
