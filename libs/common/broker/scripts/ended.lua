-- Which of these jobs the queue has as completed or as dead letters.
-- States: unchanged
-- KEYS: completed failed
-- ARGV: ids
-- Answer: 1 or 0 per id

local answer = {}
for i, id in ipairs(ARGV) do
  answer[i] = (redis.call('ZSCORE', completed, id) or redis.call('ZSCORE', failed, id)) and 1 or 0
end
return answer
