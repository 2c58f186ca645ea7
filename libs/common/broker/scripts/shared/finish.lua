-- What the end of a job means for others: its unique key is free, its parent has one child less to wait for.
--   unique       key -> id of the job that holds it
--   unique_ends  key -> when it is free again, for keys that are held for a time
--   unique_next  key -> id of the job that runs when the holder has ended
--   children     parent id -> "pending:completed:failed:doomed"; doomed is 1 where a child's failure fails the parent
--   progress     id -> JSON object
-- KEYS: jobs unique unique_next children progress waiting_children reasons failed cancels granted
-- USES: record put_back events

local function release(unique_field, id, now)
  if unique_field == '' or string.sub(unique_field, 1, 1) == 't' then
    return
  end
  local key = string.sub(unique_field, 2)
  if redis.call('HGET', unique, key) ~= id then
    return
  end
  local following = redis.call('HGET', unique_next, key)
  if following then
    redis.call('HDEL', unique_next, key)
    redis.call('HSET', unique, key, following)
    put_back(following, redis.call('HGET', jobs, following), now, false)
  else
    redis.call('HDEL', unique, key)
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
    return 0, 0, 0, 0
  end
  local pending, done, dead, doomed = string.match(text, '^(%d+):(%d+):(%d+):(%d+)$')
  return tonumber(pending), tonumber(done), tonumber(dead), tonumber(doomed)
end

local function save_children(parent, pending, done, dead, doomed)
  redis.call('HSET', children, parent, pending .. ':' .. done .. ':' .. dead .. ':' .. doomed)
end

-- Makes a job a dead letter: kept with its payload and every attempt's error until a person decides.
local child_ended
local function bury(id, record, reason, now)
  local header = header_of(record)
  redis.call('ZADD', failed, now, id)
  redis.call('HSET', reasons, id, reason)
  redis.call('HDEL', cancels, id)
  redis.call('HDEL', granted, id)
  release(header.unique, id, now)
  child_ended(header.parent, 'failed', now)
  count('failed', 1)
  tell('failed', { id }, 'reason', reason)
end

-- One child has ended ('completed', 'failed', or 'gone': cancelled or removed); the last one lets the parent go on.
child_ended = function(field, how, now)
  local policy, parent = string.sub(field, 1, 1), string.sub(field, 2)
  local record = parent ~= '' and redis.call('HGET', jobs, parent)
  if not record or (policy == 'w' and how == 'failed') then
    return
  end
  local pending, done, dead, doomed = load_children(parent)
  pending = math.max(0, pending - 1)
  if how == 'completed' then
    done = done + 1
  else
    dead = dead + 1
    doomed = policy == 'f' and 1 or doomed
  end
  save_children(parent, pending, done, dead, doomed)
  if doomed == 1 then
    if redis.call('ZREM', waiting_children, parent) == 1 then
      bury(parent, record, 'a child failed', now)
    end
  elseif pending == 0 and redis.call('ZREM', waiting_children, parent) == 1 then
    put_back(parent, record, now, true)
  end
end
