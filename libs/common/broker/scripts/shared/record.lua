-- A job's record: one line of what the scripts need to know, then the message, which only workers read.
-- The line: position, group, priority, keep_count, keep_ms, unique key, parent; tab-separated.
-- A record that nobody of ours wrote reads as a job of no group, so that it reaches a worker, who makes it a dead letter.
-- KEYS: jobs

local function header_of(record)
  local position, group, priority, keep_count, keep_ms, unique_key, parent =
    string.match(record, '^([^\t]*)\t([^\t]*)\t(%d+)\t(%d+)\t(%d+)\t([^\t]*)\t([^\n]*)\n')
  return {
    position = position or '', group = group or '', priority = tonumber(priority) or 0,
    keep_count = tonumber(keep_count) or 0, keep_ms = tonumber(keep_ms) or 0, unique_key = unique_key or '',
    parent = parent or '',
  }
end

local function set_position(id, record, position)
  local position_ends = string.find(record, '\t', 1, true)
  redis.call('HSET', jobs, id, position .. string.sub(record, position_ends or 1))
end
