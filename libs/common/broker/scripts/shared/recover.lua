-- Jobs whose worker fell silent: back among the waiting, in front; the third time under the same job, a dead letter.
-- KEYS: active leases jobs
-- USES: lease history finish put_back events

local function recover(now, at_most)
  local expired = redis.call('ZRANGEBYSCORE', active, '-inf', now, 'LIMIT', 0, at_most)
  for _, id in ipairs(expired) do
    local record = redis.call('HGET', jobs, id)
    local started, worker = string.match(redis.call('HGET', leases, id) or '0:0:', '^%d+:(%d+):(.*)$')
    end_lease(id, record, now)
    if record then
      local attempts, stalls, lines = load_runs(id)
      stalls = stalls + 1
      lines = with_line(lines, cjson.encode({
        n = attempts + 1, o = 'stalled', e = 'the worker stopped renewing its lease', w = worker,
        s = tonumber(started), d = now - tonumber(started),
      }))
      save_runs(id, attempts, stalls, lines)
      count('stalled', 1)
      if stalls >= LEASES_LOST_AT_MOST then
        bury(id, record, 'stalled', now)
      else
        put_back(id, record, now, true)
        tell('stalled', { id }, 'worker', worker)
      end
    end
  end
  return #expired
end
