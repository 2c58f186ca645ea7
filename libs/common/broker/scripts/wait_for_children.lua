-- A parent has added its children and lets go of its worker until the last of them has ended.
-- States: active -> waiting-children, or waiting where all have ended already
-- KEYS: jobs waiting_children
-- ARGV: id, fence
-- Answer: 1, or 0 where the lease is not held
-- USES: clock lease finish events

local id, fence = ARGV[1], ARGV[2]
if not holds(redis.call('HGET', leases, id), fence) then
  return 0
end
local now = now_ms()
end_lease(id)
local pending, done, failed = load_children(id)
save_children(id, pending, done, failed)
if pending > 0 then
  redis.call('ZADD', waiting_children, now, id)
  tell('waiting-children', { id })
else
  put_back(id, redis.call('HGET', jobs, id), now, true)
end
return 1
