-- A person lets a dead letter run again: its attempts start from none, its history stays.
-- WHEN FULL: runs
-- States: failed -> waiting | prioritized
-- KEYS: jobs failed reasons unique children
-- ARGV: id
-- Answer: 1; 0 where it is no dead letter; the id of the unfinished job that holds its unique key
-- USES: clock history put_back finish events

local id = ARGV[1]
local record = redis.call('HGET', jobs, id)
if not record or not redis.call('ZSCORE', failed, id) then
  return 0
end
local header = header_of(record)
local kind, unique_key = string.sub(header.unique, 1, 1), string.sub(header.unique, 2)
if kind == 'e' or kind == 's' then
  local holder = redis.call('HGET', unique, unique_key)
  if holder then
    return holder
  end
  redis.call('HSET', unique, unique_key, id)
end
redis.call('ZREM', failed, id)
redis.call('HDEL', reasons, id)
local _, _, lines = load_runs(id)
save_runs(id, 0, 0, lines)
local policy, parent = string.sub(header.parent, 1, 1), string.sub(header.parent, 2)
if policy ~= '' and policy ~= 'w' and redis.call('HEXISTS', jobs, parent) == 1 then
  local pending, done, dead, doomed = load_children(parent)
  save_children(parent, pending + 1, done, math.max(0, dead - 1), doomed)
end
put_back(id, record, now_ms(), false)
tell('retried', { id })
return 1
