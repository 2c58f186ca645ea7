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

local BLOCKS_PER_TURN = 8

-- Takes up to `want` jobs, turn by turn over the groups, prioritized before others within a group; answers their ids, and
-- whether some of them may need attention. A turn is one job, or an even part of a large batch; a group whose block gave
-- less has another turn sooner. Where groups have weights, a turn is `weight` jobs, and one that the end of the batch cuts
-- short goes on in the next (meta.credit).
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

  -- Takes up to `share` jobs of one block; answers how many, and what is left of it, or nil where nothing is.
  local function take_from_block(block, share)
    local slice, watched, listed = string.match(block, '^(%d+):(%d):(.*)$')
    attention = attention or watched == '1'
    local taken, last = 0, 0
    for id, ends in string.gmatch(listed, '([^,]+),?()') do
      ids[#ids + 1] = id
      taken, last = taken + 1, ends
      if taken == share then
        break
      end
    end
    slices[slice] = (slices[slice] or 0) + taken
    from_blocks = from_blocks + taken
    return taken, last <= #listed and slice .. ':' .. watched .. ':' .. string.sub(listed, last) or nil
  end

  -- Takes up to `share` jobs of the blocks from `head` on; answers the new head.
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
          local count, left = take_from_block(blocks[i], share - taken)
          taken = taken + count
          if left then
            redis.call('HSET', fifo, fields[i], left)
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
    return head
  end

  -- A turn of many groups at once: each gives jobs of its first blocks, and the commands are made for all together.
  local function take_turns(count)
    local names = redis.call('LPOP', ring, count)
    local states = redis.call('HMGET', groups, unpack(names))
    local heads, tails, urgents, left_to_take, fields, of_field = {}, {}, {}, {}, {}, {}
    local room = want - #ids
    for i, group in ipairs(names) do
      local head, tail, urgent = string.match(states[i], '^(%-?%d+):(%-?%d+):(%d+)$')
      heads[i], tails[i], urgents[i] = tonumber(head), tonumber(tail), tonumber(urgent)
      local share = math.min(math.max(1, share_of_all), room)
      if share > 0 and urgents[i] > 0 then
        local taken = take_prioritized(group, share)
        urgents[i], share, room = urgents[i] - taken, share - taken, room - taken
      end
      if share > 0 and heads[i] < tails[i] then
        for n = heads[i], math.min(tails[i], heads[i] + share, heads[i] + BLOCKS_PER_TURN) - 1 do
          fields[#fields + 1] = n .. '\t' .. group
          of_field[#fields] = i
        end
        left_to_take[i], room = share, room - share
      end
    end
    local rewritten, used = {}, {}
    if #fields > 0 then
      local blocks = redis.call('HMGET', fifo, unpack(fields))
      for k, field in ipairs(fields) do
        local i = of_field[k]
        if left_to_take[i] > 0 then
          local taken, left = 0, nil
          if blocks[k] then
            taken, left = take_from_block(blocks[k], left_to_take[i])
            left_to_take[i] = left_to_take[i] - taken
          end
          if left then
            rewritten[#rewritten + 1] = field
            rewritten[#rewritten + 1] = left
          else
            used[#used + 1] = field
            heads[i] = heads[i] + 1
          end
        end
      end
    end
    local stay, states_now, gone = {}, {}, {}
    for i, group in ipairs(names) do
      if heads[i] < tails[i] or urgents[i] > 0 then
        stay[#stay + 1] = group
        states_now[#states_now + 1] = group
        states_now[#states_now + 1] = heads[i] .. ':' .. tails[i] .. ':' .. urgents[i]
      else
        gone[#gone + 1] = group
      end
    end
    if #rewritten > 0 then
      redis.call('HSET', fifo, unpack(rewritten))
    end
    if #used > 0 then
      redis.call('HDEL', fifo, unpack(used))
    end
    if #stay > 0 then
      redis.call('HSET', groups, unpack(states_now))
      redis.call('RPUSH', ring, unpack(stay))
    end
    if #gone > 0 then
      redis.call('HDEL', groups, unpack(gone))
    end
    steps = steps - #names
  end

  while turns > 1 and not weighted and #ids < want and steps > 0 do
    take_turns(math.min(turns, want - #ids, 200))
    turns = redis.call('LLEN', ring)
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
      head = take_blocks(group, head, tail, share)
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
