-- What a job has been through: "attempts:stalls", then one line of JSON per attempt that did not complete it.
-- KEYS: runs

local LINES_KEPT = 20
local LEASES_LOST_AT_MOST = 3

local function load_runs(id)
  local text = redis.call('HGET', runs, id)
  if not text then
    return 0, 0, ''
  end
  local attempts, stalls, lines = string.match(text, '^(%d+):(%d+)(.*)$')
  return tonumber(attempts), tonumber(stalls), lines
end

local function save_runs(id, attempts, stalls, lines)
  redis.call('HSET', runs, id, attempts .. ':' .. stalls .. lines)
end

-- Counts the leases that were lost under the job from none again.
local function forgive(id)
  local attempts, stalls, lines = load_runs(id)
  if stalls > 0 then
    save_runs(id, attempts, 0, lines)
  end
end

local function with_line(lines, line)
  lines = lines .. '\n' .. line
  local _, kept = string.gsub(lines, '\n', '')
  if kept > LINES_KEPT then
    lines = string.sub(lines, string.find(lines, '\n', 2, true), -1)
  end
  return lines
end
