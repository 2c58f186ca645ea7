-- Dropping everything that is kept of jobs.
-- KEYS: jobs runs results reasons progress children cancels granted logs

local function forget(ids)
  redis.call('HDEL', jobs, unpack(ids))
  -- Most jobs leave nothing else behind; one look saves eight deletions.
  if redis.call('EXISTS', runs, results, reasons, progress, children, cancels, granted, logs) > 0 then
    redis.call('HDEL', runs, unpack(ids))
    redis.call('HDEL', results, unpack(ids))
    redis.call('HDEL', reasons, unpack(ids))
    redis.call('HDEL', progress, unpack(ids))
    redis.call('HDEL', children, unpack(ids))
    redis.call('HDEL', cancels, unpack(ids))
    redis.call('HDEL', granted, unpack(ids))
    redis.call('HDEL', logs, unpack(ids))
  end
end
