-- The marker that idle workers block on. It is one member: setting it twice wakes one worker, who wakes the next
-- when more is waiting than it took.
-- KEYS: wake

local function wake_a_worker()
  redis.call('ZADD', wake, 0, 'job')
end
