-- A running job writes a line of its log; the last 16 KiB are kept. A line that says what the last one says is not
-- repeated.
-- WHEN FULL: runs
-- States: unchanged
-- KEYS: logs leases
-- ARGV: id, fence, line
-- Answer: 1, or 0 where the lease is not held
-- USES: holds

local BYTES_KEPT = 16384

local id, line = ARGV[1], ARGV[3]
if not holds(redis.call('HGET', leases, id), ARGV[2]) then
  return 0
end
local text = redis.call('HGET', logs, id) or ''
if string.sub('\n' .. text, -#line - 2) == '\n' .. line .. '\n' then
  return 1
end
text = text .. line .. '\n'
if #text > BYTES_KEPT then
  local tail = string.sub(text, -BYTES_KEPT)
  text = string.sub(tail, string.find(tail, '\n', 1, true) + 1)
end
redis.call('HSET', logs, id, text)
return 1
