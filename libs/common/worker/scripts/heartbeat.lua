-- A worker says that it lives, or somebody asks who does. Times are Redis's own; who was silent for long is forgotten.
-- The hash holds one field per worker, so what this costs grows with the workers, not with their work.
-- KEYS: worker -> "when:what it says of itself"
-- ARGV: the worker or '' to ask only, what it says of itself, after how many ms of silence it is forgotten
-- Answer: for who asks: now, then per worker: name, when, what it says of itself

local workers, name, said, silent_ms = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if name ~= '' then
  redis.call('HSET', workers, name, now .. ':' .. said)
  redis.call('PEXPIRE', workers, silent_ms)
end
local answer, silent = { now }, {}
local all = redis.call('HGETALL', workers)
for i = 1, #all, 2 do
  local at, words = string.match(all[i + 1], '^(%d+):(.*)$')
  if now - tonumber(at) > silent_ms then
    silent[#silent + 1] = all[i]
  elseif name == '' then
    answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = all[i], tonumber(at), words
  end
end
if #silent > 0 then
  redis.call('HDEL', workers, unpack(silent))
end
return answer
