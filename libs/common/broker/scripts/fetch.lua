-- Takes jobs for a worker under a lease; on the way, lets due delayed jobs in and takes jobs back from silent workers.
-- A child whose parent is gone (cancelled, removed) is dropped here, because nobody waits for it; a job that its limits do
-- not let run now is moved to its slot.
-- ONCE: nobody but its answer says which jobs were handed out; reclaim.lua returns those of a lost answer
-- FIRST: take_one
-- WHEN FULL: runs
-- States: waiting | prioritized -> active; none for an orphan; delayed, or waiting outside the line, under a limit;
--         delayed -> waiting | prioritized; active (lease ended) -> waiting | failed
-- KEYS: meta jobs runs children cancels ring suspects leases active
-- ARGV: how many at most (0 for none), worker, lease_ms, how many jobs of this queue the worker holds
-- Answer: now, when something falls due next, ids of the queue's jobs that are to be cancelled (an array), 1 where the worker
--         should hold nothing beside what it is given now, the fence before the first job's (they count up), attempts made
--         per job (an array, empty where no job has a history), children per job ("pending:completed:failed:doomed" or '';
--         an array, empty where no job has any), then per job: id, record
-- USES: clock record pop lease limits promote recover finish forget events wake

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
    count('limited', 1)
    return false
  end
  if string.sub(header.unique, 1, 1) == 's' then
    release(header.unique, id, now)
  end
  return true
end

local held, records = {}, {}

local function hold(ids, attention)
  local stored = redis.call('HMGET', jobs, unpack(ids))
  for i, id in ipairs(ids) do
    local record = stored[i]
    if record and (not attention or not needs_attention(record) or may_start(id, record)) then
      held[#held + 1] = id
      records[#held] = record
    end
  end
end

local answer = { now, 0, redis.call('HKEYS', cancels), 0, 0, {}, {} }
local paused = redis.call('HGET', meta, 'paused')
if want > 0 and not paused then
  local suspect, alone = pop_suspect(worker, hands, now)
  answer[4] = alone and 1 or 0
  if suspect then
    hold({ suspect }, true)
  elseif not alone then
    -- Jobs that limits move away leave room; a few rounds fill it without an unbounded search.
    for _ = 1, 4 do
      local ids, attention = pop(want - #held)
      if #ids > 0 then
        hold(ids, attention)
      end
      if #ids == 0 or #held >= want then
        break
      end
    end
  end
  if #held > 0 then
    local fence = redis.call('HINCRBY', meta, 'fence', #held) - #held
    answer[5] = fence
    local ends, of_worker = now + lease_ms, ':' .. now .. ':' .. worker
    local scores, lease_words = {}, {}
    for i, id in ipairs(held) do
      scores[2 * i - 1], scores[2 * i] = ends, id
      lease_words[2 * i - 1], lease_words[2 * i] = id, (fence + i) .. of_worker
      answer[2 * i + 6], answer[2 * i + 7] = id, records[i]
    end
    redis.call('ZADD', active, unpack(scores))
    redis.call('HSET', leases, unpack(lease_words))
    count('started', #held)
    if redis.call('HLEN', runs) > 0 then
      for i, history in ipairs(redis.call('HMGET', runs, unpack(held))) do
        answer[6][i] = history and string.match(history, '^%d+') or '0'
      end
    end
    if redis.call('HLEN', children) > 0 then
      for i, family in ipairs(redis.call('HMGET', children, unpack(held))) do
        answer[7][i] = family or ''
      end
    end
  end
end
-- Also where nothing was asked for: a worker without room may have taken the marker that another one waits for.
if not paused and (redis.call('LLEN', ring) > 0 or redis.call('ZCARD', suspects) > 0) then
  wake_a_worker()
end

local due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
local ends = redis.call('ZRANGE', active, 0, 0, 'WITHSCORES')[2]
answer[2] = math.min(tonumber(due) or 1e15, tonumber(ends) or 1e15)
return answer
