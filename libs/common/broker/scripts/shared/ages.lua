-- How long the oldest job has been ready to run, without looking at the jobs: they are counted by the ten seconds in
-- which they became ready, and the index finds the oldest such slice.
-- KEYS: ages age_index

local function change_age(slice, by)
  local left = redis.call('HINCRBY', ages, slice, by)
  if left <= 0 then
    redis.call('HDEL', ages, slice)
    redis.call('ZREM', age_index, slice)
  elseif left == by then
    redis.call('ZADD', age_index, slice, slice)
  end
end

local function slice_of(ms)
  return math.floor(ms / 10000)
end
