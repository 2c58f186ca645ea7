-- Taking a waiting job out of the middle.
-- KEYS: fifo prioritized suspects parked unique_next meta
-- USES: groups ages put_back

-- Takes a waiting job out of the middle. Its group stays in the ring, and leaves it at its next turn if it is empty.
local function take_out(id, header)
  local suspect_since = redis.call('ZSCORE', suspects, id)
  if suspect_since then
    redis.call('ZREM', suspects, id)
    change_age(slice_of(suspect_since), -1)
    return true
  end
  local n, key = string.match(header.position, '^p(%d+):(.*)$')
  if n then
    return redis.call('ZREM', parked, key .. '\t' .. n .. '\t' .. id) == 1
  end
  if header.position == 'next' then
    local unique_key = string.sub(header.unique, 2)
    return redis.call('HGET', unique_next, unique_key) == id and redis.call('HDEL', unique_next, unique_key) == 1
  end
  if header.priority > 0 then
    local head, tail, urgent, known = load_group(header.group)
    local removed = redis.call('ZREM', prioritized, urgent_member(header.group, header.priority, header.position) .. id)
    if removed == 1 then
      save_group(header.group, head, tail, urgent - 1, known)
      change_age(string.match(header.position, ':(%d+)$'), -1)
    end
    return removed == 1
  end
  local field = header.position .. '\t' .. header.group
  local slice, attention, listed = string.match(redis.call('HGET', fifo, field) or '', '^(%d+):(%d):(.*)$')
  local others, found = {}, false
  for other in string.gmatch(listed or '', '[^,]+') do
    if other == id then
      found = true
    else
      others[#others + 1] = other
    end
  end
  if not found then
    return false
  end
  if #others > 0 then
    redis.call('HSET', fifo, field, slice .. ':' .. attention .. ':' .. table.concat(others, ','))
  else
    redis.call('HDEL', fifo, field)
  end
  redis.call('HINCRBY', meta, 'taken', 1)
  change_age(slice, -1)
  return true
end
