-- Which of these jobs the queue has, in any state.
-- States: unchanged
-- KEYS: jobs
-- ARGV: ids
-- Answer: 1 or 0 per id

local answer = {}
for i, id in ipairs(ARGV) do
  answer[i] = redis.call('HEXISTS', jobs, id)
end
return answer
