-- Limits per key (a line, an integration, a workspace): a rate, a number at once, a pause. A job that may not run now is
-- moved to its own slot, which is reserved for it, so that it waits once and holds no worker.
-- The rate is the generic cell rate algorithm (ITU-T I.371): one number per key, the time at which its bucket is full again.
--   limits     key -> "interval_ms:burst:at_once", 0 for no such limit
--   overrides  key -> "interval_ms:burst:at_once:until"
--   pauses     key -> until
--   full_at    key -> when the bucket is full again (milliseconds)
--   running    key -> active jobs
--   granted    id -> 1 where the job's slot is reserved
--   parked     members "key<TAB>n<TAB>id", all of score 0: jobs that wait for one of the key's jobs to end
-- KEYS: limits overrides pauses full_at running granted parked meta delayed reasons jobs
-- USES: record put_back

local function limit_of(key, now)
  local text = redis.call('HGET', overrides, key)
  if text then
    local interval, burst, at_once, ends = string.match(text, '^([^:]+):([^:]+):([^:]+):([^:]+)$')
    if tonumber(ends) > now then
      return tonumber(interval), tonumber(burst), tonumber(at_once)
    end
    redis.call('HDEL', overrides, key)
  end
  text = redis.call('HGET', limits, key)
  if not text then
    return 0, 1, 0
  end
  local interval, burst, at_once = string.match(text, '^([^:]+):([^:]+):([^:]+)$')
  return tonumber(interval), tonumber(burst), tonumber(at_once)
end

local function move_to(id, moment, reason)
  redis.call('ZADD', delayed, moment, id)
  redis.call('HSET', reasons, id, reason)
end

local function paused_until(keys, now)
  local latest, reason = now, nil
  for _, key in ipairs(keys) do
    local ends = tonumber(redis.call('HGET', pauses, key) or 0)
    if ends > latest then
      latest, reason = ends, 'paused: ' .. key
    elseif ends > 0 and ends <= now then
      redis.call('HDEL', pauses, key)
    end
  end
  return latest, reason
end

-- Reserves one slot under all keys together; answers its moment and the key that binds.
local function reserve(keys, now)
  local slot, reason, intervals, levels = now, nil, {}, {}
  for i, key in ipairs(keys) do
    local interval, burst = limit_of(key, now)
    intervals[i] = interval
    if interval > 0 then
      levels[i] = tonumber(redis.call('HGET', full_at, key) or 0)
      local free_at = levels[i] - (burst - 1) * interval
      if free_at > slot then
        slot, reason = free_at, 'rate: ' .. key
      end
    end
  end
  for i, key in ipairs(keys) do
    if intervals[i] > 0 then
      redis.call('HSET', full_at, key, string.format('%.3f', math.max(levels[i], slot) + intervals[i]))
    end
  end
  return math.ceil(slot), reason
end

local function park(id, record, key, now)
  local n = redis.call('HINCRBY', meta, 'sequence', 1)
  redis.call('ZADD', parked, 0, string.format('%s\t%016d\t%s', key, n, id))
  redis.call('HSET', reasons, id, 'at once: ' .. key)
  set_position(id, record, string.format('p%016d:%s', n, key))
end

local function keys_of(limit_keys)
  local keys = {}
  for key in string.gmatch(limit_keys, '[^,]+') do
    keys[#keys + 1] = key
  end
  return keys
end

-- Whether the job may start now; where it may not, it is delayed or parked already.
local function admit(id, record, limit_keys, now)
  local keys = keys_of(limit_keys)
  local moment, reason = paused_until(keys, now)
  if reason then
    move_to(id, moment, reason)
    return false
  end
  if not redis.call('HGET', granted, id) then
    moment, reason = reserve(keys, now)
    redis.call('HSET', granted, id, 1)
    if reason then
      move_to(id, moment, reason)
      return false
    end
  end
  for _, key in ipairs(keys) do
    local _, _, at_once = limit_of(key, now)
    if at_once > 0 and tonumber(redis.call('HGET', running, key) or 0) >= at_once then
      park(id, record, key, now)
      return false
    end
  end
  redis.call('HDEL', granted, id)
  for _, key in ipairs(keys) do
    redis.call('HINCRBY', running, key, 1)
  end
  return true
end

-- Lets parked jobs of a key stand in line again, as many as may run.
local function unpark(key, now)
  local _, _, at_once = limit_of(key, now)
  local free = at_once > 0 and at_once - tonumber(redis.call('HGET', running, key) or 0) or 100
  if free <= 0 then
    return
  end
  local range_from, range_to = '[' .. key .. '\t', '(' .. key .. '\n'
  local members = redis.call('ZRANGEBYLEX', parked, range_from, range_to, 'LIMIT', 0, math.min(free, 100))
  for _, member in ipairs(members) do
    redis.call('ZREM', parked, member)
    local id = string.match(member, '\t([^\t]*)$')
    redis.call('HDEL', reasons, id)
    put_back(id, redis.call('HGET', jobs, id), now, true)
  end
end

-- A job under these limits no longer runs, or will not; it may be the one for whose end others are parked.
local function leave_limits(limit_keys, now, was_running)
  for _, key in ipairs(keys_of(limit_keys)) do
    if was_running and redis.call('HINCRBY', running, key, -1) <= 0 then
      redis.call('HDEL', running, key)
    end
    unpark(key, now)
  end
end
