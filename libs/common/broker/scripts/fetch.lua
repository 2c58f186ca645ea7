-- Takes jobs for a worker under a lease; on the way, lets due delayed jobs in and takes jobs back from silent workers.
-- A child whose parent is gone (cancelled, removed) is dropped here, because nobody waits for it.
-- States: waiting | prioritized -> active, or none for an orphan; delayed -> waiting | prioritized;
--         active (lease ended) -> waiting | failed
-- KEYS: meta jobs runs children cancels ring suspects
-- ARGV: how many at most (0 for none), worker, lease_ms, how many jobs of this queue the worker holds
-- Answer: now, when something falls due next or 0, ids of the worker's jobs that are to be cancelled (an array), 1 where the
--         worker should hold nothing beside what it is given now, then per job: id, fence, attempts made, children
--         ("pending:completed:failed" or ''), record
-- USES: clock waiting lease promote recover events wake

local want, worker, lease_ms, hands = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = now_ms()

promote(now, 100)
recover(now, 20)

-- The header line ends in the parent's id; most jobs have none, which shows without reading the line.
local function is_orphan(record)
  local line_end = string.find(record, '\n', 1, true)
  if not line_end or string.byte(record, line_end - 1) == 9 then
    return false
  end
  local parent = header_of(record).parent
  return parent ~= '' and redis.call('HEXISTS', jobs, parent) == 0
end

local answer = { now, 0, redis.call('HKEYS', cancels), 0 }
if want > 0 and not redis.call('HGET', meta, 'paused') then
  local suspect, alone = pop_suspect(worker, hands, now)
  local ids = suspect and { suspect } or alone and {} or pop(want)
  answer[4] = alone and 1 or 0
  if #ids > 0 then
    local records = redis.call('HMGET', jobs, unpack(ids))
    local histories = redis.call('HLEN', runs) > 0 and redis.call('HMGET', runs, unpack(ids))
    local families = redis.call('HLEN', children) > 0 and redis.call('HMGET', children, unpack(ids))
    local fence = redis.call('HINCRBY', meta, 'fence', #ids) - #ids
    local scores, held, orphans = {}, {}, {}
    for i, id in ipairs(ids) do
      if not records[i] or is_orphan(records[i]) then
        orphans[#orphans + 1] = id
      else
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
        answer[n + 5] = records[i]
      end
    end
    if #held > 0 then
      redis.call('ZADD', active, unpack(scores))
      redis.call('HSET', leases, unpack(held))
      count('started', #held / 2)
    end
    if #orphans > 0 then
      forget(orphans)
      count('cancelled', #orphans)
    end
  end
  if redis.call('LLEN', ring) > 0 or redis.call('ZCARD', suspects) > 0 then
    wake_a_worker()
  end
end

local due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
local ends = redis.call('ZRANGE', active, 0, 0, 'WITHSCORES')[2]
answer[2] = math.min(tonumber(due) or 1e15, tonumber(ends) or 1e15)
return answer
