-- A parent has added its children and lets go of its worker until the last of them has ended.
-- WHEN FULL: runs
-- States: active -> waiting-children; waiting where all have ended already; failed where one failed that must not
-- KEYS: jobs waiting_children
-- ARGV: id, fence
-- Answer: 1, or 0 where the lease is not held
-- USES: clock lease finish events

local id, fence = ARGV[1], ARGV[2]
if not holds(redis.call('HGET', leases, id), fence) then
  return 0
end
local now = now_ms()
local record = redis.call('HGET', jobs, id)
end_lease(id, record, now)
local pending, done, dead, doomed = load_children(id)
save_children(id, pending, done, dead, doomed)
if doomed == 1 then
  bury(id, record, 'a child failed', now)
elseif pending > 0 then
  redis.call('ZADD', waiting_children, now, id)
  tell('waiting-children', { id })
else
  put_back(id, record, now, true)
end
return 1
