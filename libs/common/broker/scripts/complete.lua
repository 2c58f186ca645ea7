-- Acknowledges jobs that their worker has completed, of which nothing is kept and whose end means nothing for others (see
-- complete_ruled.lua). A job whose lease this worker no longer holds is refused.
-- WHEN FULL: runs
-- States: active -> none
-- ARGV: per job: id, fence
-- Answer: the ids that were refused
-- USES: holds forget events

local asked = {}
for i = 1, #ARGV, 2 do
  asked[#asked + 1] = ARGV[i]
end
local done, refused, seen = {}, {}, {}
for i, lease in ipairs(redis.call('HMGET', leases, unpack(asked))) do
  local id = asked[i]
  if holds(lease, ARGV[2 * i]) and not seen[id] then
    seen[id] = true
    done[#done + 1] = id
  else
    refused[#refused + 1] = id
  end
end
if #done > 0 then
  redis.call('ZREM', active, unpack(done))
  redis.call('HDEL', leases, unpack(done))
  forget(done)
  count('completed', #done)
  tell('completed', done)
end
return refused
