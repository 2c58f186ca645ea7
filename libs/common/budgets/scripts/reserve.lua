-- Gives a message its slot on a line, all layers together or none: the rule of libs/common/budgets/slots.py.
--
-- KEYS: epoch, slots, held, recipient, one per local day of the line, one per local day of the workspace.
-- ARGV: see `arguments` below. Answer: {word, at_ms, reason, promised, kept}; word is "now", "later" or "rebuild".
-- States: a message has no slot, or one slot (an entry in `slots`, `held`, `recipient` and in the counts of two days).
--
-- epoch:      string; the counts below are complete while it is ARGV's.
-- slots:      zset; message -> the moment of its slot, in ms.
-- held:       hash; message -> "at|line day|workspace day|new|recipient key", by which a slot is given up.
-- recipient:  zset; message -> the moment of its slot, for all messages to one recipient.
-- line day:   hash; m: messages, c: new conversations, n|<recipient>: messages that start one with this recipient.
-- workspace day: string; messages.

local EPOCH, SLOTS, HELD, RECIPIENT = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local DAY_MS = 86400000

local next_argument = 0
local function argument()
  next_argument = next_argument + 1
  return ARGV[next_argument]
end
local function number() return tonumber(argument()) end

local epoch, message, recipient_key = argument(), argument(), argument()
local is_new = argument() == "1"
local now = number()
local per_minute, gap, recipient_gap = number(), number(), number()
local horizon, late_ok, window = number(), number(), number()
local line_day_count, workspace_day_count = number(), number()
local line_days, workspace_days = {}, {}
local line_day_key, workspace_day_key = {}, {}
for i = 1, line_day_count do
  line_days[i] = argument()
  line_day_key[line_days[i]] = KEYS[4 + i]
end
for i = 1, workspace_day_count do
  workspace_days[i] = argument()
  workspace_day_key[workspace_days[i]] = KEYS[4 + line_day_count + i]
end
local openings = {}
while next_argument < #ARGV do
  openings[#openings + 1] = {
    opens = number(), closes = number(), line_day = line_days[number()], workspace_day = workspace_days[number()],
    per_day = number(), new_per_day = number(), workspace_per_day = number(),
  }
end

if now == 0 then
  local time = redis.call("TIME")
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function text(ms) return string.format("%.0f", ms) end

if redis.call("GET", EPOCH) ~= epoch then return {"rebuild", 0, "", 0, 0} end

local function read_held()
  local stored = redis.call("HGET", HELD, message)
  if not stored then return nil end
  local at, line_day, workspace_day, new, recipient = string.match(stored, "^(%d+)|([^|]*)|([^|]*)|(%d)|(.*)$")
  return {at = tonumber(at), line_day = line_day, workspace_day = workspace_day, new = new == "1", recipient = recipient}
end

local function give_up(held)
  redis.call("ZREM", SLOTS, message)
  redis.call("HDEL", HELD, message)
  if held.recipient == recipient_key then redis.call("ZREM", RECIPIENT, message) end
  local line_key, workspace_key = line_day_key[held.line_day], workspace_day_key[held.workspace_day]
  if line_key and redis.call("EXISTS", line_key) == 1 then
    redis.call("HINCRBY", line_key, "m", -1)
    local field = "n|" .. held.recipient
    if held.new and redis.call("HINCRBY", line_key, field, -1) <= 0 then
      redis.call("HDEL", line_key, field)
      redis.call("HINCRBY", line_key, "c", -1)
    end
  end
  if workspace_key and redis.call("EXISTS", workspace_key) == 1 then redis.call("DECR", workspace_key) end
end

local held = read_held()
if held and now - held.at <= late_ok then
  if held.at > now then return {"later", text(held.at), "", 1, 1} end
  for _, opening in ipairs(openings) do
    if opening.opens <= now and now < opening.closes and opening.line_day == held.line_day then
      return {"now", text(now), "", 1, 1}
    end
  end
end
if held then give_up(held) end

local function fits(at)
  if gap > 0 and redis.call("ZCOUNT", SLOTS, "(" .. text(at - gap), "(" .. text(at + gap)) > 0 then return false end
  if per_minute < 0 then return true end
  return redis.call("ZCOUNT", SLOTS, "(" .. text(at - window), "(" .. text(at + window)) < per_minute
end

local function score_before(closes, back)
  local found = redis.call("ZREVRANGEBYSCORE", SLOTS, "(" .. text(closes), "-inf", "WITHSCORES", "LIMIT", back, 1)
  return found[2] and tonumber(found[2])
end

local function free_in(opening, start)
  if start == now and fits(now) then return now end
  local at = start
  local last = score_before(opening.closes, 0)
  if last then at = math.max(at, last + gap) end
  if per_minute > 0 then
    local nth = score_before(opening.closes, per_minute - 1)
    if nth then at = math.max(at, nth + window) end
  end
  if at < opening.closes and fits(at) then return at end
  return nil
end

local function count(key, field) return tonumber(redis.call("HGET", key, field) or "0") end

local function full_day(opening)
  local line_key = line_day_key[opening.line_day]
  if opening.per_day >= 0 and count(line_key, "m") >= opening.per_day then return "line_per_day" end
  if is_new and opening.new_per_day >= 0 and count(line_key, "n|" .. recipient_key) == 0
    and count(line_key, "c") >= opening.new_per_day then
    return "new_conversations_per_day"
  end
  if opening.workspace_per_day >= 0 then
    local sent = tonumber(redis.call("GET", workspace_day_key[opening.workspace_day]) or "0")
    if sent >= opening.workspace_per_day then return "workspace_per_day" end
  end
  return nil
end

local function promise(at, opening)
  local line_key, workspace_key = line_day_key[opening.line_day], workspace_day_key[opening.workspace_day]
  redis.call("ZADD", SLOTS, text(at), message)
  redis.call("HSET", HELD, message, table.concat(
    {text(at), opening.line_day, opening.workspace_day, is_new and "1" or "0", recipient_key}, "|"))
  redis.call("ZADD", RECIPIENT, text(at), message)
  redis.call("PEXPIREAT", RECIPIENT, text(math.max(at, horizon) + recipient_gap + DAY_MS))
  redis.call("HINCRBY", line_key, "m", 1)
  if is_new and redis.call("HINCRBY", line_key, "n|" .. recipient_key, 1) == 1 then
    redis.call("HINCRBY", line_key, "c", 1)
  end
  redis.call("PEXPIREAT", line_key, text(opening.closes + 3 * DAY_MS))
  redis.call("INCR", workspace_key)
  redis.call("PEXPIREAT", workspace_key, text(opening.closes + 3 * DAY_MS))
  for _, old in ipairs(redis.call("ZRANGEBYSCORE", SLOTS, "-inf", text(now - DAY_MS), "LIMIT", 0, 20)) do
    redis.call("ZREM", SLOTS, old)
    redis.call("HDEL", HELD, old)
  end
end

local latest = redis.call("ZREVRANGE", RECIPIENT, 0, 1, "WITHSCORES")
local last_to_recipient
for i = 1, #latest, 2 do
  if latest[i] ~= message then last_to_recipient = last_to_recipient or tonumber(latest[i + 1]) end
end
if last_to_recipient and last_to_recipient + recipient_gap > now then
  return {"later", text(last_to_recipient + recipient_gap), "recipient_gap", 0, 0}
end

local blocked
for _, opening in ipairs(openings) do
  local start = math.max(opening.opens, now)
  if start < opening.closes then
    if start > now then blocked = blocked or "quiet_hours" end
    local full = full_day(opening)
    if full then
      blocked = full
    else
      local at = free_in(opening, start)
      if at then
        promise(at, opening)
        if at == now then return {"now", text(at), "", 1, 0} end
        return {"later", text(at), blocked or "line_per_minute", 1, 0}
      end
      blocked = "line_per_minute"
    end
  end
end
return {"later", text(horizon), blocked or "quiet_hours", 0, 0}
