-- A page of the jobs in one state. A page costs the same wherever it is: places are found by halving, and at most `scan`
-- jobs are looked at, however few of them match.
--   completed, failed: the latest first; delayed, active, waiting-children: the next first, by due time or end of lease
--   prioritized: by workspace, then in their order; waiting: suspects, then parked, then each group's line. What stays in
--   line while it is read comes at least once. Jobs that are next under a unique key are counted as waiting, not listed.
-- States: unchanged
-- KEYS: jobs completed failed delayed active waiting_children suspects parked prioritized fifo reasons runs
-- ARGV: state, limit, scan, job type or '', 1 where the group matters, group, error text in small letters or '', the
--       cursor's parts
-- Answer: the next cursor's parts (an array, empty where nothing is left), then ids
-- USES: groups record

local state, limit, scan = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local job_type, by_group, group, text = ARGV[4], ARGV[5] == '1', ARGV[6], ARGV[7]
local cursor = { unpack(ARGV, 8) }
local filtered = job_type ~= '' or by_group or text ~= ''
local found, seen = {}, 0

local function is_full()
  return #found >= limit or seen >= scan
end

-- Looks at ids in order, up to the page's end; answers how many.
local function look_at(ids)
  if #ids == 0 then
    return 0
  end
  local records = filtered and redis.call('HMGET', jobs, unpack(ids)) or {}
  for i, id in ipairs(ids) do
    if is_full() then
      return i - 1
    end
    seen = seen + 1
    local fits = true
    if filtered then
      local record = records[i] or ''
      fits = (not by_group or header_of(record).group == group)
        and (job_type == '' or string.match(record, '\n%["([^"]*)"') == job_type)
      if fits and text ~= '' then
        local said = (redis.call('HGET', reasons, id) or '') .. '\n' .. (redis.call('HGET', runs, id) or '')
        fits = string.find(string.lower(said), text, 1, true) ~= nil
      end
    end
    if fits then
      found[#found + 1] = id
    end
  end
  return #ids
end

-- The order in which Redis keeps members of one score; Lua's own comparison depends on the server's language.
local function comes_before(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then
      return a < b
    end
  end
  return #one < #other
end

-- How many members of an ordered set stand before (score, id).
local function place_of(place, score, id)
  local low, high = redis.call('ZCOUNT', place, '-inf', '(' .. score), redis.call('ZCOUNT', place, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if comes_before(redis.call('ZRANGE', place, middle, middle)[1], id) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

-- Pages through an ordered set by (score, id); answers the next cursor.
local function by_score(place, score, id, newest_first)
  local from
  if not score then
    from = newest_first and redis.call('ZCARD', place) or 0
  else
    from = place_of(place, score, id)
    if not newest_first and redis.call('ZSCORE', place, id) == score then
      from = from + 1
    end
  end
  while true do
    local first, last = from, from + 99
    if newest_first then
      first, last = math.max(0, from - 100), from - 1
    end
    local members = last >= first and redis.call('ZRANGE', place, first, last, 'WITHSCORES') or {}
    local ids, scores = {}, {}
    for i = 1, #members, 2 do
      ids[#ids + 1], scores[#scores + 1] = members[i], members[i + 1]
    end
    if newest_first then
      for i = 1, math.floor(#ids / 2) do
        ids[i], ids[#ids + 1 - i] = ids[#ids + 1 - i], ids[i]
        scores[i], scores[#scores + 1 - i] = scores[#scores + 1 - i], scores[i]
      end
    end
    local done = look_at(ids)
    if done > 0 then
      score, id = scores[done], ids[done]
      from = newest_first and from - done or from + done
    end
    if #ids == 0 or (newest_first and from == 0) or (not newest_first and from >= redis.call('ZCARD', place)) then
      return nil
    end
    if is_full() then
      return { score, id }
    end
  end
end

-- Pages through an ordered set whose scores are all 0 by its members' text; `pattern` finds the id in a member.
local function by_text(place, after, pattern, within)
  while true do
    local from = after and '(' .. after or within and '[' .. within .. '\t' or '-'
    local members = redis.call('ZRANGEBYLEX', place, from, within and '(' .. within .. '\n' or '+', 'LIMIT', 0, 100)
    local ids = {}
    for i, member in ipairs(members) do
      ids[i] = string.match(member, pattern)
    end
    local done = look_at(ids)
    if #members == 0 then
      return nil
    end
    after = members[done] or after
    if is_full() then
      return { after or '' }
    end
  end
end

-- Pages through one group's line, from behind `last` in `block` on; answers nil where the line has been read to its end.
local function through_line(of_group, block, last)
  local head, tail = load_group(of_group)
  block = math.max(block or head, head)
  local steps = 256
  while block < tail do
    local _, _, listed = string.match(redis.call('HGET', fifo, block .. '\t' .. of_group) or '', '^(%d+):(%d):(.*)$')
    local ids = {}
    for id in string.gmatch(listed or '', '[^,]+') do
      if id == last then
        ids = {}
      else
        ids[#ids + 1] = id
      end
    end
    local done = look_at(ids)
    if done < #ids then
      return { block, ids[done] or last }
    end
    block, last, steps = block + 1, '', steps - 1
    if (is_full() or steps == 0) and block < tail then
      return { block, '' }
    end
  end
  return nil
end

-- Pages through all lines: batch by batch of groups (HSCAN gives each group that stays, and its time does not grow), in a
-- batch by the groups' names. Answers the group, its block, its last id, and the batch.
local function through_lines(of_group, block, last, batch)
  if by_group then
    local rest = through_line(group, block, last)
    return rest and { group, rest[1], rest[2], '0' }
  end
  batch = batch or '0'
  local steps = 0
  repeat
    local answer = redis.call('HSCAN', groups, batch, 'COUNT', 16)
    local names = {}
    for i = 1, #answer[2], 2 do
      if not of_group or not comes_before(answer[2][i], of_group) then
        names[#names + 1] = answer[2][i]
      end
    end
    table.sort(names, comes_before)
    for _, name in ipairs(names) do
      if is_full() or steps == 64 then
        local head = load_group(name)
        return { name, head, '', batch }
      end
      local continues = name == of_group
      local rest = through_line(name, continues and block or nil, continues and last or '')
      if rest then
        return { name, rest[1], rest[2], batch }
      end
      steps = steps + 1
    end
    batch, of_group = answer[1], nil
  until batch == '0'
  return nil
end

local READ = {
  completed = function(parts) return by_score(completed, parts[1], parts[2], true) end,
  failed = function(parts) return by_score(failed, parts[1], parts[2], true) end,
  delayed = function(parts) return by_score(delayed, parts[1], parts[2], false) end,
  active = function(parts) return by_score(active, parts[1], parts[2], false) end,
  ['waiting-children'] = function(parts) return by_score(waiting_children, parts[1], parts[2], false) end,
  prioritized = function(parts) return by_text(prioritized, parts[1], '\t%d+:([^\t]*)$', by_group and group or nil) end,
  suspects = function(parts) return by_score(suspects, parts[1], parts[2], false) end,
  parked = function(parts) return by_text(parked, parts[1], '\t([^\t]*)$', nil) end,
  line = function(parts)
    return through_lines(parts[1], tonumber(parts[2]), parts[3] or '', parts[4])
  end,
}

-- Where jobs of the state are, one place after the other; a cursor begins with the place that it is in.
local places = state == 'waiting' and { 'suspects', 'parked', 'line' } or { state }
local at, parts = 1, { unpack(cursor, 2) }
for i, place in ipairs(places) do
  at = place == cursor[1] and i or at
end
local next_cursor = {}
while at <= #places do
  local rest = READ[places[at]](parts)
  if rest then
    next_cursor = { places[at], unpack(rest) }
    break
  end
  at, parts = at + 1, {}
  if at <= #places and is_full() then
    next_cursor = { places[at] }
    break
  end
end

for i, part in ipairs(next_cursor) do
  next_cursor[i] = tostring(part)
end
return { next_cursor, unpack(found) }
