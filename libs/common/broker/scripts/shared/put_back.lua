-- Putting a job back among the waiting that was elsewhere.
-- KEYS: fifo prioritized suspects meta
-- USES: record history groups append ages wake

local function urgent_member(group, priority, position)
  local n, slice = string.match(position, '^(%d+):(%d+)$')
  return string.format('%s\t%010d\t%016d\t%s:', group, priority, n, slice)
end

-- Adds one id to the group's prioritized jobs; answers its position.
local function prioritize(group, priority, id, now)
  local head, tail, urgent, known = load_group(group)
  local slice = slice_of(now)
  local position = redis.call('HINCRBY', meta, 'sequence', 1) .. ':' .. slice
  redis.call('ZADD', prioritized, 0, urgent_member(group, priority, position) .. id)
  save_group(group, head, tail, urgent + 1, known)
  change_age(slice, 1)
  return position
end

-- Puts a job that was elsewhere back among the waiting: in front of its group's FIFO, or at its end.
local function put_back(id, record, now, in_front)
  local _, stalls = load_runs(id)
  if stalls == LEASES_LOST_AT_MOST - 1 then
    redis.call('ZADD', suspects, now, id)
    change_age(slice_of(now), 1)
    wake_a_worker()
    return
  end
  local header = header_of(record)
  local position
  if header.priority > 0 then
    position = prioritize(header.group, header.priority, id, now)
  elseif in_front then
    local head, tail, urgent, known = load_group(header.group)
    local slice = slice_of(now)
    position = head - 1
    redis.call('HSET', fifo, position .. '\t' .. header.group, slice .. ':1:' .. id)
    redis.call('HINCRBY', meta, 'returned', 1)
    save_group(header.group, position, tail, urgent, known)
    change_age(slice, 1)
  else
    position = append(header.group, { id }, now, true, 'returned')
  end
  set_position(id, record, position)
  wake_a_worker()
end
