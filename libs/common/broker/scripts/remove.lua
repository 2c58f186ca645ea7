-- Forgets a finished job.
-- WHEN FULL: runs
-- States: completed | failed -> none
-- KEYS: jobs completed failed
-- ARGV: id
-- Answer: 1, or 0 where it is not finished
-- USES: clock finish forget events

local id = ARGV[1]
local record = redis.call('HGET', jobs, id)
if redis.call('ZREM', failed, id) == 1 then
  local parent = header_of(record).parent
  if string.sub(parent, 1, 1) == 'w' then
    child_ended(parent, 'gone', now_ms())
  end
elseif redis.call('ZREM', completed, id) == 0 then
  return 0
end
forget({ id })
tell('removed', { id })
return 1
