-- The waiting jobs: per group a FIFO and an ordered set of prioritized jobs; groups with work stand in a ring.
--   groups       group -> "head:tail:urgent": the FIFO holds sequence numbers head <= n < tail, urgent counts prioritized
--   fifo         "n<TAB>group" -> "slice:id"; a cancelled job leaves a gap
--   prioritized  members "group<TAB>priority<TAB>n<TAB>slice:id", all of score 0, in the order of their text
--   ring         the groups of `groups`, each once, next turn first
-- KEYS: jobs groups ring fifo prioritized meta weights
-- USES: record ages wake

local function load_group(group)
  local state = redis.call('HGET', groups, group)
  if not state then
    return 0, 0, 0, false
  end
  local head, tail, urgent = string.match(state, '^(%-?%d+):(%-?%d+):(%d+)$')
  return tonumber(head), tonumber(tail), tonumber(urgent), true
end

local function save_group(group, head, tail, urgent, known)
  redis.call('HSET', groups, group, head .. ':' .. tail .. ':' .. urgent)
  if not known then
    redis.call('RPUSH', ring, group)
  end
end

local function urgent_member(group, priority, position)
  local n, slice = string.match(position, '^(%d+):(%d+)$')
  return string.format('%s\t%010d\t%016d\t%s:', group, priority, n, slice)
end

-- Appends ids to the group's FIFO; answers the sequence number of the first. Their records must then hold their position.
local function append(group, ids, now)
  local head, tail, urgent, known = load_group(group)
  local slice = slice_of(now)
  local entries = {}
  for i, id in ipairs(ids) do
    entries[2 * i - 1] = (tail + i - 1) .. '\t' .. group
    entries[2 * i] = slice .. ':' .. id
  end
  redis.call('HSET', fifo, unpack(entries))
  save_group(group, head, tail + #ids, urgent, known)
  change_age(slice, #ids)
  return tail
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
  local header = header_of(record)
  local position
  if header.priority > 0 then
    position = prioritize(header.group, header.priority, id, now)
  elseif in_front then
    local head, tail, urgent, known = load_group(header.group)
    local slice = slice_of(now)
    position = head - 1
    redis.call('HSET', fifo, position .. '\t' .. header.group, slice .. ':' .. id)
    save_group(header.group, position, tail, urgent, known)
    change_age(slice, 1)
  else
    position = append(header.group, { id }, now)
  end
  set_position(id, record, position)
  wake_a_worker()
end

-- Takes a waiting job out of the middle. Its group stays in the ring, and leaves it at its next turn if it is empty.
local function take_out(id, header)
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
  local entry = redis.call('HGET', fifo, field)
  if not entry or string.match(entry, ':(.*)$') ~= id then
    return false
  end
  redis.call('HDEL', fifo, field)
  change_age(string.match(entry, '^(%d+):'), -1)
  return true
end

-- Takes up to `want` jobs, turn by turn over the groups, prioritized before others within a group; answers their ids.
-- A turn is one job, or an even part of a large batch. Where groups have weights, a turn is `weight` jobs, and one that
-- the end of the batch cuts short goes on in the next (meta.credit).
local function pop(want)
  local ids, slices = {}, {}
  local turns = redis.call('LLEN', ring)
  local weighted = redis.call('HLEN', weights) > 0
  local steps = 4 * want + 64
  local share_of_all = turns > 0 and math.floor(want / turns) or 0

  local function take(entry)
    local slice, id = string.match(entry, '^(%d+):(.*)$')
    ids[#ids + 1] = id
    slices[slice] = (slices[slice] or 0) + 1
  end

  while #ids < want and steps > 0 do
    local group = redis.call('LPOP', ring)
    if not group then
      break
    end
    local head, tail, urgent = load_group(group)
    local credit = math.max(1, share_of_all)
    if weighted then
      credit = tonumber(redis.call('HGET', meta, 'credit') or redis.call('HGET', weights, group) or 1)
    end
    local share = math.min(credit, want - #ids)
    credit = credit - share
    steps = steps - 1

    if urgent > 0 then
      local members = redis.call('ZRANGEBYLEX', prioritized, '[' .. group .. '\t', '(' .. group .. '\n', 'LIMIT', 0, share)
      if #members > 0 then
        redis.call('ZREM', prioritized, unpack(members))
      end
      for _, member in ipairs(members) do
        take(string.match(member, '\t(%d+:[^\t]*)$'))
      end
      urgent = urgent - #members
      share = share - #members
    end

    while share > 0 and head < tail and steps > 0 do
      local count = math.min(share, tail - head)
      local fields = {}
      for i = 1, count do
        fields[i] = (head + i - 1) .. '\t' .. group
      end
      local entries = redis.call('HMGET', fifo, unpack(fields))
      redis.call('HDEL', fifo, unpack(fields))
      for i = 1, count do
        if entries[i] then
          take(entries[i])
          share = share - 1
        end
      end
      head = head + count
      steps = steps - count
    end

    local has_more = head < tail or urgent > 0
    local goes_on = weighted and has_more and credit > 0
    if has_more then
      redis.call('HSET', groups, group, head .. ':' .. tail .. ':' .. urgent)
      redis.call(goes_on and 'LPUSH' or 'RPUSH', ring, group)
    else
      redis.call('HDEL', groups, group)
    end
    if goes_on then
      redis.call('HSET', meta, 'credit', credit)
    elseif weighted then
      redis.call('HDEL', meta, 'credit')
    end
  end

  for slice, count in pairs(slices) do
    change_age(slice, -count)
  end
  return ids
end
