-- What the end of a job means for others: its unique key is free, its parent has one child less to wait for.
--   children  parent id -> "pending:completed:failed"
--   progress  id -> JSON object
-- KEYS: jobs unique children progress waiting_children runs results reasons completed cancels
-- USES: waiting

local function release(unique_key, id)
  if unique_key ~= '' and redis.call('HGET', unique, unique_key) == id then
    redis.call('HDEL', unique, unique_key)
  end
end

local function add_to_progress(id, increments)
  local stored = redis.call('HGET', progress, id)
  local values = stored and cjson.decode(stored) or {}
  for name, by in pairs(increments) do
    values[name] = (tonumber(values[name]) or 0) + by
  end
  redis.call('HSET', progress, id, cjson.encode(values))
end

local function load_children(parent)
  local text = redis.call('HGET', children, parent)
  if not text then
    return 0, 0, 0
  end
  local pending, done, failed = string.match(text, '^(%d+):(%d+):(%d+)$')
  return tonumber(pending), tonumber(done), tonumber(failed)
end

local function save_children(parent, pending, done, failed)
  redis.call('HSET', children, parent, pending .. ':' .. done .. ':' .. failed)
end

-- One child of `parent` has ended; the last one lets the parent go on.
local function child_ended(parent, failed_one, now)
  if parent == '' then
    return
  end
  local record = redis.call('HGET', jobs, parent)
  if not record then
    return
  end
  local pending, done, failed = load_children(parent)
  pending = math.max(0, pending - 1)
  if failed_one then
    failed = failed + 1
  else
    done = done + 1
  end
  save_children(parent, pending, done, failed)
  if pending == 0 and redis.call('ZREM', waiting_children, parent) == 1 then
    put_back(parent, record, now, true)
  end
end

local function forget(ids)
  redis.call('HDEL', jobs, unpack(ids))
  redis.call('HDEL', runs, unpack(ids))
  redis.call('HDEL', results, unpack(ids))
  redis.call('HDEL', reasons, unpack(ids))
  redis.call('HDEL', progress, unpack(ids))
  redis.call('HDEL', children, unpack(ids))
  redis.call('HDEL', cancels, unpack(ids))
end

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
