-- As complete.lua, for jobs whose end means something for others or that are kept. A job whose lease this worker no longer holds is refused.
-- WHEN FULL: runs
-- States: active -> completed, or none where nothing is kept; waiting-children -> waiting for a parent's last child
-- KEYS: results completed
-- ARGV: per job: id, fence, and '' or a JSON object with p (parent), u (unique), l (limits), c (keep_count), a (keep_ms), r (result
--       as JSON text), n (increments to the job's own progress), m (increments to its parent's)
-- Answer: the ids that were refused
-- USES: clock holds limits finish forget trim events

local now = now_ms()
local asked = {}
for i = 1, #ARGV, 3 do
  asked[#asked + 1] = ARGV[i]
end
local held = redis.call('HMGET', leases, unpack(asked))

local done, refused, forgotten, kept = {}, {}, {}, {}
local keep_count, keep_ms = 0, 0
for i, id in ipairs(asked) do
  if not holds(held[i], ARGV[3 * i - 1]) or done[id] then
    refused[#refused + 1] = id
  else
    done[id] = true
    done[#done + 1] = id
  end
end
if #done == 0 then
  return refused
end
redis.call('ZREM', active, unpack(done))
redis.call('HDEL', leases, unpack(done))

for i, id in ipairs(asked) do
  if done[id] then
    done[id] = nil
    local details = ARGV[3 * i]
    if details == '' then
      forgotten[#forgotten + 1] = id
    else
      local job = cjson.decode(details)
      if job.l then
        leave_limits(job.l, now, true)
      end
      release(job.u or '', id, now)
      if job.n then
        add_to_progress(id, job.n)
      end
      local parent = string.sub(job.p or '', 2)
      if job.m and redis.call('HEXISTS', jobs, parent) == 1 then
        add_to_progress(parent, job.m)
      end
      if (job.a or 0) > 0 then
        kept[#kept + 1] = now
        kept[#kept + 1] = id
        keep_count, keep_ms = job.c, job.a
        if job.r then
          redis.call('HSET', results, id, job.r)
        end
      else
        forgotten[#forgotten + 1] = id
      end
      child_ended(job.p or '', 'completed', now)
    end
  end
end
if #kept > 0 then
  redis.call('ZADD', completed, unpack(kept))
  trim_completed(keep_count, keep_ms, now)
end
if #forgotten > 0 then
  forget(forgotten)
end
count('completed', #done)
tell('completed', done)
return refused
