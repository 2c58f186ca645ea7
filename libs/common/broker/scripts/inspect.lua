-- Everything the queue knows of one job.
-- States: unchanged
-- KEYS: jobs active leases delayed failed completed waiting_children runs reasons progress results children meta suspects logs
-- ARGV: id
-- Answer: nil where the id is unknown; else record, state, the state's number (when it is due, ended, or 0), lease, runs, reason,
--         progress, result, children, whether the queue is paused, log lines
-- USES: record

local id = ARGV[1]
local record = redis.call('HGET', jobs, id)
if not record then
  return false
end
local state, number = nil, 0
for _, place in ipairs({
  { 'active', active }, { 'delayed', delayed }, { 'completed', completed }, { 'failed', failed },
  { 'waiting-children', waiting_children },
}) do
  local score = redis.call('ZSCORE', place[2], id)
  if score then
    state, number = place[1], score
  end
end
if not state then
  local header = header_of(record)
  local in_line = header.position ~= 'next' and string.sub(header.position, 1, 1) ~= 'p'
  state = header.priority > 0 and in_line and not redis.call('ZSCORE', suspects, id) and 'prioritized' or 'waiting'
end
return {
  record, state, number, redis.call('HGET', leases, id) or '', redis.call('HGET', runs, id) or '',
  redis.call('HGET', reasons, id) or '', redis.call('HGET', progress, id) or '', redis.call('HGET', results, id) or '',
  redis.call('HGET', children, id) or '', redis.call('HGET', meta, 'paused') or '',
  redis.call('HGET', logs, id) or '',
}
