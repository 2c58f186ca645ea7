-- Adds jobs of one group that have no rules: no priority, delay, parent or unique key (see add_ruled.lua). A known id adds
-- nothing.
-- WHEN FULL: refused
-- States: none -> waiting
-- KEYS: jobs
-- ARGV: group, then per job: id, record without its position
-- Answer: the ids that were known, as pairs of the job's place in the call and the id
-- USES: clock record append events wake

local asked = {}
for i = 2, #ARGV, 2 do
  asked[#asked + 1] = ARGV[i]
end
local known = redis.call('HMGET', jobs, unpack(asked))
local ids, records, met, in_call, attention = {}, {}, {}, {}, false
for i, id in ipairs(asked) do
  if known[i] or in_call[id] then
    met[#met + 1] = i
    met[#met + 1] = id
  else
    in_call[id] = true
    ids[#ids + 1] = id
    records[2 * #ids] = ARGV[2 * i + 1]
    attention = attention or needs_attention(ARGV[2 * i + 1])
  end
end
if #ids > 0 then
  local first = append(ARGV[1], ids, now_ms(), attention, 'appended')
  for k, id in ipairs(ids) do
    records[2 * k - 1] = id
    records[2 * k] = (first + math.floor((k - 1) / BLOCK)) .. records[2 * k]
  end
  redis.call('HSET', jobs, unpack(records))
  tell('added', ids)
  wake_a_worker()
end
return met
