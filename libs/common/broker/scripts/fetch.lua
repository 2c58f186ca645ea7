-- Takes jobs for a worker under a lease; on the way, lets due delayed jobs in and takes jobs back from silent workers.
-- A child whose parent is gone (cancelled, removed) is dropped here, because nobody waits for it; a job that its limits do
-- not let run now is moved to its slot.
-- States: waiting | prioritized -> active; none for an orphan; delayed, or waiting outside the line, under a limit;
--         delayed -> waiting | prioritized; active (lease ended) -> waiting | failed
-- KEYS: meta jobs runs children cancels ring suspects leases active
-- ARGV: how many at most (0 for none), worker, lease_ms, how many jobs of this queue the worker holds
-- Answer: now, when something falls due next or 0, ids of the worker's jobs that are to be cancelled (an array), 1 where the
--         worker should hold nothing beside what it is given now, then per job: id, fence, attempts made, children
--         ("pending:completed:failed" or ''), record
-- USES: clock waiting lease limits promote recover finish events wake

local want, worker, lease_ms, hands = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()

promote(now, 100)
recover(now, 20)

-- Whether a job that needs attention may be handed out; what else becomes of it is done here.
local function may_start(id, record)
  local header = header_of(record)
  local parent = string.sub(header.parent, 2)
  if parent ~= '' and redis.call('HEXISTS', jobs, parent) == 0 then
    release(header.unique, id, now)
    leave_limits(header.limits, now, false)
    forget({ id })
    count('cancelled', 1)
    return false
  end
  if header.limits ~= '' and not admit(id, record, header.limits, now) then
    return false
  end
  if string.sub(header.unique, 1, 1) == 's' then
    release(header.unique, id, now)
  end
  return true
end

local answer = { now, 0, redis.call('HKEYS', cancels), 0 }
local held, scores = {}, {}

local function hand_out(ids)
  local records = redis.call('HMGET', jobs, unpack(ids))
  local histories = redis.call('HLEN', runs) > 0 and redis.call('HMGET', runs, unpack(ids))
  local families = redis.call('HLEN', children) > 0 and redis.call('HMGET', children, unpack(ids))
  local fence = redis.call('HINCRBY', meta, 'fence', #ids) - #ids
  for i, id in ipairs(ids) do
    local record = records[i]
    if record and (not needs_attention(record) or may_start(id, record)) then
      fence = fence + 1
      scores[#scores + 1] = now + lease_ms
      scores[#scores + 1] = id
      held[#held + 1] = id
      held[#held + 1] = fence .. ':' .. now .. ':' .. worker
      local n = #answer
      answer[n + 1] = id
      answer[n + 2] = tostring(fence)
      answer[n + 3] = histories and histories[i] and string.match(histories[i], '^%d+') or '0'
      answer[n + 4] = families and families[i] or ''
      answer[n + 5] = record
    end
  end
end

if want > 0 and not redis.call('HGET', meta, 'paused') then
  local suspect, alone = pop_suspect(worker, hands, now)
  answer[4] = alone and 1 or 0
  if suspect then
    hand_out({ suspect })
  elseif not alone then
    -- Jobs that limits move away leave room; a few rounds fill it without an unbounded search.
    for _ = 1, 4 do
      local ids = pop(want - #held / 2)
      if #ids == 0 then
        break
      end
      hand_out(ids)
      if #held / 2 >= want then
        break
      end
    end
  end
  if #held > 0 then
    redis.call('ZADD', active, unpack(scores))
    redis.call('HSET', leases, unpack(held))
    count('started', #held / 2)
  end
  if redis.call('LLEN', ring) > 0 or redis.call('ZCARD', suspects) > 0 then
    wake_a_worker()
  end
end

local due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
local ends = redis.call('ZRANGE', active, 0, 0, 'WITHSCORES')[2]
answer[2] = math.min(tonumber(due) or 1e15, tonumber(ends) or 1e15)
return answer
