-- The waiting jobs: per group a FIFO of blocks and an ordered set of prioritized jobs; groups with work stand in a ring.
--   groups       group -> "head:tail:urgent": the FIFO holds blocks head <= n < tail, urgent counts prioritized
--   ring         the groups of `groups`, each once, next turn first
--   fifo         "n<TAB>group" -> "slice:attention:id,id,...", a block: jobs that were added together are taken together, as
--                far as they fit; attention is 1 where one of them needs it. A block whose last job was cancelled is a gap.
--   meta.appended + meta.returned - meta.taken is the number of jobs in all blocks: three counters that only grow, so that
--                adding a job counts it once, here and among all that were ever added
--   prioritized  members "group<TAB>priority<TAB>n<TAB>slice:id", all of score 0, in the order of their text
--   suspects     id -> since when: jobs that would be dead letters if their worker died once more. A worker's death takes
--                all its jobs' leases, and only one of them may be to blame; so each suspect runs alone.
--   (jobs that are parked under a limit, or next under a unique key, wait outside: see limits and finish)
-- KEYS: groups ring

local function load_group(group)
  local state = redis.call('HGET', groups, group)
  if not state then
    return 0, 0, 0, false
  end
  local head, tail, urgent = string.match(state, '^(%-?%d+):(%-?%d+):(%d+)$')
  return tonumber(head), tonumber(tail), tonumber(urgent), true
end

local function save_group(group, head, tail, urgent, known)
  redis.call('HSET', groups, group, head .. ':' .. tail .. ':' .. urgent)
  if not known then
    redis.call('RPUSH', ring, group)
  end
end
