-- Adds jobs that share group, priority, delay and parent. A known id, or a unique key that an unfinished job holds,
-- adds nothing.
-- States: none -> waiting | prioritized | delayed
-- KEYS: jobs unique delayed children
-- ARGV: group, priority, delay_ms, parent id or '', fence of the parent's lease or '', then per job: id, unique key or '', record
--       without its position
-- Answer: nil where the parent's lease is not held; else the ids that now stand for jobs that were not added, as pairs
--         of the job's place in the call and the other job's id
-- USES: clock waiting finish lease events wake

local group, priority, delay_ms, parent, fence = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local now = now_ms()

if parent ~= '' and not holds(redis.call('HGET', leases, parent), fence) then
  return false
end

local asked = {}
for i = 6, #ARGV, 3 do
  asked[#asked + 1] = ARGV[i]
end
local known = redis.call('HMGET', jobs, unpack(asked))

local ids, places, met, in_call = {}, {}, {}, {}
for i, id in ipairs(asked) do
  local unique_key = ARGV[3 * i + 4]
  local holder = (known[i] or in_call[id]) and id
  if not holder and unique_key ~= '' then
    holder = redis.call('HGET', unique, unique_key)
    if not holder then
      redis.call('HSET', unique, unique_key, id)
    end
  end
  if holder then
    met[#met + 1] = i
    met[#met + 1] = holder
  else
    in_call[id] = true
    ids[#ids + 1] = id
    places[#places + 1] = i
  end
end

if #ids > 0 then
  local records = {}
  if delay_ms > 0 then
    local scores = {}
    for k, id in ipairs(ids) do
      scores[2 * k - 1], scores[2 * k] = now + delay_ms, id
      records[2 * k - 1], records[2 * k] = id, ARGV[3 * places[k] + 5]
    end
    redis.call('HSET', jobs, unpack(records))
    redis.call('ZADD', delayed, unpack(scores))
    if tonumber(redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]) >= now + delay_ms then
      wake_a_worker()
    end
  elseif priority > 0 then
    for k, id in ipairs(ids) do
      records[2 * k - 1], records[2 * k] = id, prioritize(group, priority, id, now) .. ARGV[3 * places[k] + 5]
    end
    redis.call('HSET', jobs, unpack(records))
    wake_a_worker()
  else
    local first = append(group, ids, now)
    for k, id in ipairs(ids) do
      records[2 * k - 1], records[2 * k] = id, (first + k - 1) .. ARGV[3 * places[k] + 5]
    end
    redis.call('HSET', jobs, unpack(records))
    wake_a_worker()
  end
  if parent ~= '' then
    local pending, done, failed = load_children(parent)
    save_children(parent, pending + #ids, done, failed)
  end
  count('added', #ids)
  tell('added', ids)
end
return met
