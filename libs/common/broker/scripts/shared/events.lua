-- The capped stream that live views read: one entry per transition, naming all the jobs that made it.
-- KEYS: events meta

local EVENTS_KEPT = 1000

local function tell(event, ids, ...)
  redis.call('XADD', events, 'MAXLEN', '~', EVENTS_KEPT, '*', 'event', event, 'ids', table.concat(ids, ','), ...)
end

local function count(total, by)
  redis.call('HINCRBY', meta, total, by)
end
