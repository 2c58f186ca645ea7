-- How far back the event stream goes, and how far it has come.
-- States: unchanged
-- KEYS: events
-- Answer: the ids of the oldest and of the newest entry that is kept; nothing where there is none

local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
return oldest and { oldest[1], newest[1] } or {}
