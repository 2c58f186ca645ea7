-- Adds jobs that have no rules: no priority, delay, parent or unique key (see add_ruled.lua). A known id adds nothing.
-- WHEN FULL: refused
-- States: none -> waiting
-- KEYS: jobs
-- ARGV: per run of jobs of one group: the group, how many there are, then per job: id, record without its position
-- Answer: the ids that were known, as pairs of the job's place in the call and the id
-- USES: clock record append events wake

local runs, asked, given = {}, {}, {}
local at = 1
while at < #ARGV do
  local count = tonumber(ARGV[at + 1])
  runs[#runs + 1] = { group = ARGV[at], first = #asked + 1, last = #asked + count }
  at = at + 2
  for _ = 1, count do
    asked[#asked + 1] = ARGV[at]
    given[#asked] = ARGV[at + 1]
    at = at + 2
  end
end

local known = redis.call('HMGET', jobs, unpack(asked))
local records, met, added, in_call = {}, {}, {}, {}
for _, run in ipairs(runs) do
  local ids, bodies, attention = {}, {}, false
  for place = run.first, run.last do
    local id = asked[place]
    if known[place] or in_call[id] then
      met[#met + 1] = place
      met[#met + 1] = id
    else
      in_call[id] = true
      ids[#ids + 1] = id
      bodies[#ids] = given[place]
      added[#added + 1] = id
      attention = attention or needs_attention(given[place])
    end
  end
  if #ids > 0 then
    local first = append(run.group, ids, now_ms(), attention, 'appended')
    for k, id in ipairs(ids) do
      records[#records + 1] = id
      records[#records + 1] = (first + math.floor((k - 1) / BLOCK)) .. bodies[k]
    end
  end
end
if #added > 0 then
  redis.call('HSET', jobs, unpack(records))
  tell('added', added)
  wake_a_worker()
end
return met
