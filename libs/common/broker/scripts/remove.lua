-- Forgets a finished job.
-- States: completed | failed -> none
-- KEYS: completed failed
-- ARGV: id
-- Answer: 1, or 0 where it is not finished
-- USES: finish events

local id = ARGV[1]
if redis.call('ZREM', completed, id) == 0 and redis.call('ZREM', failed, id) == 0 then
  return 0
end
forget({ id })
tell('removed', { id })
return 1
