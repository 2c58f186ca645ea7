-- The waiting jobs: per group a FIFO and an ordered set of prioritized jobs; groups with work stand in a ring.
--   groups       group -> "head:tail:urgent": the FIFO holds sequence numbers head <= n < tail, urgent counts prioritized
--   fifo         "n<TAB>group" -> "slice:id"; a cancelled job leaves a gap
--   (jobs that are parked under a limit, or next under a unique key, wait outside: see limits and finish)
--   prioritized  members "group<TAB>priority<TAB>n<TAB>slice:id", all of score 0, in the order of their text
--   ring         the groups of `groups`, each once, next turn first
--   suspects     id -> since when: jobs that would be dead letters if their worker died once more. A worker's death takes
--                all its jobs' leases, and only one of them may be to blame; so each suspect runs alone.
-- KEYS: jobs groups ring fifo prioritized suspects parked unique_next meta weights
-- USES: record ages history wake

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
  local entry = redis.call('HGET', fifo, field)
  if not entry or string.match(entry, ':(.*)$') ~= id then
    return false
  end
  redis.call('HDEL', fifo, field)
  change_age(string.match(entry, '^(%d+):'), -1)
  return true
end

local ISOLATION_MS = 60000

-- Takes a suspect for a worker with empty hands. A worker that is busy is chosen, one at a time, to empty them.
-- Answers the id where it took one, and whether the worker should take nothing else now.
local function pop_suspect(worker, hands, now)
  local suspect = redis.call('ZRANGE', suspects, 0, 0, 'WITHSCORES')
  if #suspect == 0 then
    return nil, false
  end
  local chosen, ends = string.match(redis.call('HGET', meta, 'isolating') or '', '^(.*):(%d+)$')
  if hands == 0 then
    redis.call('ZREM', suspects, suspect[1])
    change_age(slice_of(suspect[2]), -1)
    if chosen == worker then
      redis.call('HDEL', meta, 'isolating')
    end
    return suspect[1], true
  end
  if not chosen or tonumber(ends) < now then
    chosen = worker
    redis.call('HSET', meta, 'isolating', worker .. ':' .. (now + ISOLATION_MS))
  end
  return nil, chosen == worker
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
