-- What an idle worker meets most often: one plain job, alone in line. Taking it costs less than half of what the rest of
-- the script would, most of which is the definition of what is not needed. Whatever is out of the ordinary (another job
-- or group, something due, a suspect, weights, a pause) is left to the rest. A job that has a history or children was
-- put back, and so is marked for attention (put_back.lua); a worker that holds nothing holds nothing cancelled.
-- KEYS: ring groups fifo jobs meta delayed active leases ages age_index suspects weights

if tonumber(ARGV[1]) > 0 and ARGV[4] == '0' and redis.call('LLEN', ring) == 1
  and redis.call('EXISTS', suspects, weights) == 0
  and not redis.call('HGET', meta, 'paused') then
  local group = redis.call('LINDEX', ring, 0)
  local head, tail = string.match(redis.call('HGET', groups, group), '^(%-?%d+):(%-?%d+):0$')
  if head and head + 1 == tonumber(tail) then
    local field = head .. '\t' .. group
    local slice, id = string.match(redis.call('HGET', fifo, field) or '', '^(%d+):0:([^,]+)$')
    local record = id and redis.call('HGET', jobs, id)
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local due = tonumber(redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]) or 1e15
    local ends = tonumber(redis.call('ZRANGE', active, 0, 0, 'WITHSCORES')[2]) or 1e15
    if record and due > now and ends > now then
      redis.call('HDEL', fifo, field)
      redis.call('HDEL', groups, group)
      redis.call('LPOP', ring)
      if redis.call('HINCRBY', ages, slice, -1) <= 0 then
        redis.call('HDEL', ages, slice)
        redis.call('ZREM', age_index, slice)
      end
      redis.call('HINCRBY', meta, 'taken', 1)
      redis.call('HINCRBY', meta, 'started', 1)
      local fence, lease_ends = redis.call('HINCRBY', meta, 'fence', 1), now + ARGV[3]
      redis.call('ZADD', active, lease_ends, id)
      redis.call('HSET', leases, id, fence .. ':' .. now .. ':' .. ARGV[2])
      return { now, math.min(due, ends, lease_ends), {}, 0, fence - 1, {}, {}, id, record }
    end
  end
end
