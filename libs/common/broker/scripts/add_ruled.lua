-- As add.lua, for jobs with rules: they share group, priority, delay, parent and the rule of their unique keys. A known id adds nothing. Where an
-- unfinished job holds the unique key, the mode says what happens: keep (nothing is added), replace (the holder is
-- dropped unless it runs), latest (as replace, and while the holder runs, the new job is the one that runs next).
-- WHEN FULL: refused
-- States: none -> waiting | prioritized | delayed; a replaced job -> none
-- KEYS: jobs unique unique_ends unique_next delayed children active waiting_children
-- ARGV: group, priority, delay_ms, parent id or '', fence of the parent's lease or '', mode, for how many ms a key of kind
--       t(ime) is held, then per job: id, unique field or '', record without its position
-- Answer: nil where the parent's lease is not held; else the ids that now stand for jobs that were not added, as pairs
--         of the job's place in the call and the other job's id
-- USES: clock record limits take_out append put_back finish forget holds events wake

local group, priority, delay_ms, parent, fence = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local mode, held_ms = ARGV[6], tonumber(ARGV[7])
local now = now_ms()

if parent ~= '' and not holds(redis.call('HGET', leases, parent), fence) then
  return false
end

-- Drops a job that does not run yet; false where it runs or has ended.
local function drop(id)
  local record = redis.call('HGET', jobs, id)
  if not record or redis.call('ZSCORE', active, id) or redis.call('ZSCORE', waiting_children, id) then
    return false
  end
  local header = header_of(record)
  if redis.call('ZREM', delayed, id) == 0 and not take_out(id, header) then
    return false
  end
  child_ended(header.parent, 'gone', now)
  leave_limits(header.limits, now, false)
  forget({ id })
  tell('replaced', { id })
  return true
end

-- Claims a unique key for a job. Answers the job that holds it where the new one is not added, and whether the new one is
-- the one that runs next.
local function claim(unique_field, id)
  local key = string.sub(unique_field, 2)
  local holder = redis.call('HGET', unique, key)
  local ends = holder and redis.call('ZSCORE', unique_ends, key)
  if ends and tonumber(ends) <= now then
    holder = nil
  end
  if holder and mode ~= 'keep' then
    local following = redis.call('HGET', unique_next, key)
    local dropped = drop(holder)
    if following and (dropped or mode == 'latest') then
      drop(following)
    end
    if dropped then
      holder = nil
    elseif mode == 'latest' and redis.call('HEXISTS', jobs, holder) == 1 then
      redis.call('HSET', unique_next, key, id)
      return nil, true
    end
  end
  if holder then
    return holder, false
  end
  redis.call('HSET', unique, key, id)
  if string.sub(unique_field, 1, 1) == 't' then
    redis.call('ZADD', unique_ends, now + held_ms, key)
  else
    redis.call('ZREM', unique_ends, key)
  end
  return nil, false
end

for _, key in ipairs(redis.call('ZRANGEBYSCORE', unique_ends, '-inf', now, 'LIMIT', 0, 20)) do
  redis.call('HDEL', unique, key)
  redis.call('ZREM', unique_ends, key)
end

local asked = {}
for i = 8, #ARGV, 3 do
  asked[#asked + 1] = ARGV[i]
end
local known = redis.call('HMGET', jobs, unpack(asked))

local ids, places, met, in_call = {}, {}, {}, {}
for i, id in ipairs(asked) do
  local unique_field = ARGV[3 * i + 6]
  local holder, is_next = (known[i] or in_call[id]) and id, false
  if not holder and unique_field ~= '' then
    holder, is_next = claim(unique_field, id)
  end
  if holder then
    met[#met + 1] = i
    met[#met + 1] = holder
  elseif is_next then
    redis.call('HSET', jobs, id, 'next' .. ARGV[3 * i + 7])
    count('added', 1)
    tell('added', { id })
  else
    in_call[id] = true
    ids[#ids + 1] = id
    places[#places + 1] = i
  end
end

if #ids > 0 then
  local records, attention = {}, false
  for k, id in ipairs(ids) do
    local record = ARGV[3 * places[k] + 7]
    records[2 * k - 1], records[2 * k] = id, record
    attention = attention or needs_attention(record)
  end
  if delay_ms > 0 then
    local scores = {}
    for k, id in ipairs(ids) do
      scores[2 * k - 1], scores[2 * k] = now + delay_ms, id
    end
    redis.call('HSET', jobs, unpack(records))
    redis.call('ZADD', delayed, unpack(scores))
    if tonumber(redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]) >= now + delay_ms then
      wake_a_worker()
    end
  elseif priority > 0 then
    for k, id in ipairs(ids) do
      records[2 * k] = prioritize(group, priority, id, now) .. records[2 * k]
    end
    redis.call('HSET', jobs, unpack(records))
    wake_a_worker()
  else
    local first = append(group, ids, now, attention, 'returned')
    for k = 1, #ids do
      records[2 * k] = (first + math.floor((k - 1) / BLOCK)) .. records[2 * k]
    end
    redis.call('HSET', jobs, unpack(records))
    wake_a_worker()
  end
  if parent ~= '' then
    local pending, done, dead, doomed = load_children(parent)
    save_children(parent, pending + #ids, done, dead, doomed)
  end
  count('added', #ids)
  tell('added', ids)
end
return met
