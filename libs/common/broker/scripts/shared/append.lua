-- Appending to a group's FIFO.
-- KEYS: fifo meta
-- USES: groups ages

local BLOCK = 64

-- Appends ids to the group's FIFO, to be counted as 'appended' or 'returned'; answers the number of the first block. Their
-- records must then hold their position: the i-th id is in block `first + floor((i - 1) / BLOCK)`.
local function append(group, ids, now, attention, counter)
  local head, tail, urgent, known = load_group(group)
  local slice = slice_of(now)
  local prefix = slice .. (attention and ':1:' or ':0:')
  local blocks = {}
  for start = 1, #ids, BLOCK do
    blocks[#blocks + 1] = (tail + (start - 1) / BLOCK) .. '\t' .. group
    blocks[#blocks + 1] = prefix .. table.concat(ids, ',', start, math.min(#ids, start + BLOCK - 1))
  end
  redis.call('HSET', fifo, unpack(blocks))
  redis.call('HINCRBY', meta, counter, #ids)
  save_group(group, head, tail + #blocks / 2, urgent, known)
  change_age(slice, #ids)
  return tail
end
