-- A job's record: one line of what the scripts need to know, then the message, which only workers read.
-- The line, tab-separated:
--   position    where it waits: "n" in its group's FIFO, "n:slice" among the prioritized, "pn:key" parked, "next"
--   group, priority, keep_count, keep_ms
--   unique      '' or a letter and the key: e(nded), s(tarted), t(ime) says until when the key is held
--   parent      '' or a letter and the parent's id: i(gnore), f(ail), w(ait) says what the parent does if this child fails
--   limits      keys of the limits that it runs under, comma-separated
--   attention   '1' where parent, limits or unique mean that taking the job needs a look at this line
-- A record that nobody of ours wrote reads as a job of no group, so that it reaches a worker, who makes it a dead letter.
-- KEYS: jobs

local function header_of(record)
  local position, group, priority, keep_count, keep_ms, unique_field, parent, limit_keys =
    string.match(record, '^([^\t]*)\t([^\t]*)\t(%d+)\t(%d+)\t(%d+)\t([^\t]*)\t([^\t]*)\t([^\t]*)\t')
  return {
    position = position or '', group = group or '', priority = tonumber(priority) or 0,
    keep_count = tonumber(keep_count) or 0, keep_ms = tonumber(keep_ms) or 0, unique = unique_field or '',
    parent = parent or '', limits = limit_keys or '',
  }
end

local function set_position(id, record, position)
  local position_ends = string.find(record, '\t', 1, true)
  redis.call('HSET', jobs, id, position .. string.sub(record, position_ends or 1))
end

local function needs_attention(record)
  local line_end = string.find(record, '\n', 1, true)
  return line_end and string.byte(record, line_end - 1) ~= 9
end
