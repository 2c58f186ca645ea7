-- As add.lua for one job, the call that is made most often: written out, because functions and tables cost as much as the
-- work itself.
-- States: none -> waiting
-- KEYS: jobs groups ring fifo ages age_index meta events wake
-- ARGV: group, id, record without its position, 1 where the job needs attention
-- Answer: 1, or 0 where the id is known

local group, id = ARGV[1], ARGV[2]
local state = redis.call('HGET', groups, group)
local head, tail, urgent = '0', 0, '0'
if state then
  head, tail, urgent = string.match(state, '^(%-?%d+):(%-?%d+):(%d+)$')
end
if redis.call('HSETNX', jobs, id, tail .. ARGV[3]) == 0 then
  return 0
end
local slice = math.floor(redis.call('TIME')[1] / 10)
redis.call('HSET', fifo, tail .. '\t' .. group, slice .. ':' .. ARGV[4] .. ':' .. id)
redis.call('HSET', groups, group, head .. ':' .. (tail + 1) .. ':' .. urgent)
if not state then
  redis.call('RPUSH', ring, group)
end
if redis.call('HINCRBY', ages, slice, 1) == 1 then
  redis.call('ZADD', age_index, slice, slice)
end
redis.call('HINCRBY', meta, 'appended', 1)
redis.call('XADD', events, 'MAXLEN', '~', 1000, '*', 'event', 'added', 'ids', id)
redis.call('ZADD', wake, 0, 'job')
return 1
