-- A worker shows that it is alive: the leases it still holds last longer.
-- WHEN FULL: runs
-- States: unchanged
-- KEYS: active leases cancels
-- ARGV: lease_ms, then per job: id, fence
-- Answer: two arrays: ids whose lease is lost, ids that are to be cancelled
-- USES: clock holds

local ends = now_ms() + tonumber(ARGV[1])
local asked = {}
for i = 2, #ARGV, 2 do
  asked[#asked + 1] = ARGV[i]
end
local held = redis.call('HMGET', leases, unpack(asked))
local marked = redis.call('HLEN', cancels) > 0 and redis.call('HMGET', cancels, unpack(asked))
local scores, lost, cancelled = {}, {}, {}
for i, id in ipairs(asked) do
  if holds(held[i], ARGV[2 * i + 1]) then
    scores[#scores + 1] = ends
    scores[#scores + 1] = id
    if marked and marked[i] then
      cancelled[#cancelled + 1] = id
    end
  else
    lost[#lost + 1] = id
  end
end
if #scores > 0 then
  redis.call('ZADD', active, 'XX', unpack(scores))
end
return { lost, cancelled }
