-- Puts counts that were made anew from MongoDB in the place of the old ones, unless someone else did.
--
-- KEYS: epoch, then pairs: a key as it was built, and the key that it becomes.
-- ARGV: the epoch; how many of the pairs, from the first on, are to be kept without an end. Answer: 1 where these counts hold now, 0 where others do.
-- States: a workspace without complete counts -> one with them. A built key that does not exist clears its place.

local EPOCH = KEYS[1]
local wanted, lasting = ARGV[1], tonumber(ARGV[2])

if redis.call("GET", EPOCH) == wanted then return 0 end
for i = 2, #KEYS, 2 do
  if redis.call("EXISTS", KEYS[i]) == 1 then
    redis.call("RENAME", KEYS[i], KEYS[i + 1])
    if i <= 2 * lasting then redis.call("PERSIST", KEYS[i + 1]) end
  else
    redis.call("DEL", KEYS[i + 1])
  end
end
redis.call("SET", EPOCH, wanted)
return 1
