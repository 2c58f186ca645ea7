-- Gives up a message's slot, if it is the one that the caller knows of.
--
-- KEYS: slots, held, recipient, the slot's day of the line, its day of the workspace.
-- ARGV: message, the slot as `held` has it, the recipient's key, 1 where the slot counts as a new conversation.
-- Answer: 1 where it was given up. States: one slot -> no slot. For what the keys hold see reserve.lua.

local SLOTS, HELD, RECIPIENT, LINE_DAY, WORKSPACE_DAY = unpack(KEYS)
local message, known, recipient_key, new = unpack(ARGV)

if redis.call("HGET", HELD, message) ~= known then return 0 end
redis.call("HDEL", HELD, message)
redis.call("ZREM", SLOTS, message)
redis.call("ZREM", RECIPIENT, message)
if redis.call("EXISTS", LINE_DAY) == 1 then
  redis.call("HINCRBY", LINE_DAY, "m", -1)
  local field = "n|" .. recipient_key
  if new == "1" and redis.call("HINCRBY", LINE_DAY, field, -1) <= 0 then
    redis.call("HDEL", LINE_DAY, field)
    redis.call("HINCRBY", LINE_DAY, "c", -1)
  end
end
if redis.call("EXISTS", WORKSPACE_DAY) == 1 then redis.call("DECR", WORKSPACE_DAY) end
return 1
