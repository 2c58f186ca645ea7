-- Taking the next jobs.
-- KEYS: fifo prioritized suspects ring groups weights meta
-- USES: groups ages

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

-- Takes up to `want` jobs, turn by turn over the groups, prioritized before others within a group; answers their ids, and
-- whether some of them may need attention. A turn is one job, or an even part of a large batch. Where groups have weights,
-- a turn is `weight` jobs, and one that the end of the batch cuts short goes on in the next (meta.credit).
local function pop(want)
  local ids, slices, attention, from_blocks = {}, {}, false, 0
  local turns = redis.call('LLEN', ring)
  local weighted = redis.call('HLEN', weights) > 0
  local steps = 4 * want + 64
  local share_of_all = turns > 0 and math.floor(want / turns) or 0

  local function take_prioritized(group, count)
    local members = redis.call('ZRANGEBYLEX', prioritized, '[' .. group .. '\t', '(' .. group .. '\n', 'LIMIT', 0, count)
    if #members > 0 then
      redis.call('ZREM', prioritized, unpack(members))
    end
    for _, member in ipairs(members) do
      local slice, id = string.match(member, '\t(%d+):([^\t]*)$')
      ids[#ids + 1] = id
      slices[slice] = (slices[slice] or 0) + 1
    end
    attention = true
    return #members
  end

  -- Takes up to `share` jobs of the blocks from `head` on; answers how many, and the new head.
  local function take_blocks(group, head, tail, share)
    local taken, at_once = 0, 2
    while taken < share and head < tail and steps > 0 do
      local fields = {}
      for i = 1, math.min(at_once, tail - head, share - taken) do
        fields[i] = (head + i - 1) .. '\t' .. group
      end
      local blocks = redis.call('HMGET', fifo, unpack(fields))
      local used = 0
      for i = 1, #fields do
        if taken >= share then
          break
        end
        used = i
        if blocks[i] then
          local slice, watched, listed = string.match(blocks[i], '^(%d+):(%d):(.*)$')
          attention = attention or watched == '1'
          local before, last = taken, 0
          for id, ends in string.gmatch(listed, '([^,]+),?()') do
            ids[#ids + 1] = id
            taken, last = taken + 1, ends
            if taken == share then
              break
            end
          end
          slices[slice] = (slices[slice] or 0) + taken - before
          if last <= #listed then
            redis.call('HSET', fifo, fields[i], slice .. ':' .. watched .. ':' .. string.sub(listed, last))
            used = i - 1
          end
        end
      end
      if used > 0 then
        redis.call('HDEL', fifo, unpack(fields, 1, used))
      end
      head = head + used
      steps = steps - #fields
      at_once = math.min(2 * at_once, 256)
    end
    from_blocks = from_blocks + taken
    return taken, head
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
      local count = take_prioritized(group, share)
      urgent = urgent - count
      share = share - count
    end
    if share > 0 and head < tail then
      local _
      _, head = take_blocks(group, head, tail, share)
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
  if from_blocks > 0 then
    redis.call('HINCRBY', meta, 'taken', from_blocks)
  end
  return ids, attention
end
